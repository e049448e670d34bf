//! A table of endpoints from which both the routes and the `OpenAPI` document
//! come, so that neither can have what the other lacks.

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, on},
};
use http::StatusCode;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        Components, ContentBuilder, HttpMethod, Info, OpenApi, Paths, Ref, RefOr, Required,
        ResponseBuilder, Schema,
        path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{ArrayBuilder, ObjectBuilder, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::page::Page;
use crate::Site;

/// Routes and their description, side by side.
pub struct Api {
    pub router: Router<Site>,
    pub document: OpenApi,
    pub operations: Vec<(&'static str, &'static str)>,
}

/// What is said about an endpoint.
pub struct About {
    summary: &'static str,
    parameters: Vec<Parameter>,
    body: Option<RefOr<Schema>>,
    reply: (StatusCode, Option<RefOr<Schema>>),
    schemas: Vec<(String, RefOr<Schema>)>,
}

/// An endpoint that takes no body and answers `204 No Content`.
pub fn about(summary: &'static str) -> About {
    About {
        summary,
        parameters: Vec::new(),
        body: None,
        reply: (StatusCode::NO_CONTENT, None),
        schemas: Vec::new(),
    }
}

impl About {
    /// Takes a JSON body.
    pub fn takes<T: ToSchema>(mut self) -> Self {
        self.body = Some(self.schema::<T>());
        self
    }

    /// Takes query parameters.
    pub fn asks<T: IntoParams>(mut self) -> Self {
        self.parameters
            .extend(T::into_params(|| Some(ParameterIn::Query)));
        self
    }

    /// Answers `200 OK` with JSON.
    pub fn replies<T: ToSchema>(mut self) -> Self {
        self.reply = (StatusCode::OK, Some(self.schema::<T>()));
        self
    }

    /// Answers `200 OK` with a page of a list.
    pub fn pages<T: ToSchema>(mut self) -> Self {
        self.describe::<T>();
        self.replies::<Page<T>>()
    }

    /// Answers `200 OK` with a list.
    pub fn lists<T: ToSchema>(mut self) -> Self {
        self.describe::<T>();
        T::schemas(&mut self.schemas);
        let item = Ref::from_schema_name(T::name());
        let list = Schema::from(ArrayBuilder::new().items(item).build());
        self.reply = (StatusCode::OK, Some(list.into()));
        self
    }

    /// Answers `201 Created` with JSON.
    pub fn creates<T: ToSchema>(mut self) -> Self {
        self.reply = (StatusCode::CREATED, Some(self.schema::<T>()));
        self
    }

    fn describe<T: ToSchema>(&mut self) {
        let name = T::name().into_owned();
        self.schemas.push((name, T::schema()));
    }

    /// Whole, not by name: pages of different things have one name.
    fn schema<T: ToSchema>(&mut self) -> RefOr<Schema> {
        T::schemas(&mut self.schemas);
        T::schema()
    }
}

macro_rules! methods {
    ($($function:ident = $method:literal, $filter:ident, $openapi:ident;)+) => {
        impl Api {$(
            pub fn $function<H, T>(self, path: &'static str, handler: H, about: About) -> Self
            where
                H: Handler<T, Site>,
                T: 'static,
            {
                let route = on(MethodFilter::$filter, handler);
                self.add(($method, path), HttpMethod::$openapi, route, about)
            }
        )+}
    };
}

methods! {
    get = "GET", GET, Get;
    post = "POST", POST, Post;
    put = "PUT", PUT, Put;
    patch = "PATCH", PATCH, Patch;
    delete = "DELETE", DELETE, Delete;
}

impl Api {
    pub fn new(title: &str) -> Self {
        let scheme = |scheme| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build());
        let mut components = Components::new();
        components.add_security_scheme("token", scheme(HttpAuthScheme::Bearer));
        components.add_security_scheme("password", scheme(HttpAuthScheme::Basic));
        let mut document = OpenApi::new(Info::new(title, env!("CARGO_PKG_VERSION")), Paths::new());
        let mut schemas = vec![("ErrorEnvelope".to_owned(), ErrorBody::schema())];
        ErrorBody::schemas(&mut schemas);
        components.schemas.extend(schemas);
        document.components = Some(components);
        Self {
            router: Router::new(),
            document,
            operations: Vec::new(),
        }
    }

    fn add(
        mut self,
        (method, path): (&'static str, &'static str),
        http_method: HttpMethod,
        route: axum::routing::MethodRouter<Site>,
        about: About,
    ) -> Self {
        let full = format!("/api/v1{path}");
        let operation = operation(method, path, &about);
        if let Some(components) = &mut self.document.components {
            components.schemas.extend(about.schemas);
        }
        let methods = vec![http_method];
        self.document
            .paths
            .add_path_operation(full, methods, operation);
        self.operations.push((method, path));
        self.router = self.router.route(path, route);
        self
    }
}

fn operation(method: &str, path: &str, about: &About) -> Operation {
    let in_path = path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(path_parameter(name))
    });
    let parameters = in_path.chain(about.parameters.iter().cloned());
    let mut builder = OperationBuilder::new()
        .operation_id(Some(operation_id(method, path)))
        .summary(Some(about.summary))
        .tag(path.split('/').nth(1).unwrap_or_default())
        .parameters(Some(parameters))
        .security(SecurityRequirement::new("token", [""; 0]))
        .security(SecurityRequirement::new("password", [""; 0]));
    if let Some(schema) = &about.body {
        let content = ContentBuilder::new().schema(Some(schema.clone())).build();
        let body = RequestBodyBuilder::new()
            .content("application/json", content)
            .required(Some(Required::True));
        builder = builder.request_body(Some(body.build()));
    }
    let (status, schema) = &about.reply;
    let reason = status.canonical_reason().unwrap_or_default();
    let mut reply = ResponseBuilder::new().description(reason);
    if let Some(schema) = schema {
        let content = ContentBuilder::new().schema(Some(schema.clone())).build();
        reply = reply.content("application/json", content);
    }
    let error = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorEnvelope")));
    let failure = ResponseBuilder::new()
        .description("What went wrong, to what, and what to do next")
        .content("application/json", error.build());
    builder
        .response(status.as_str(), reply.build())
        .response("default", failure.build())
        .build()
}

fn path_parameter(name: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(text))
        .build()
}

/// `GET /packages/{owner}/{name}/tags` → `getPackagesTags`.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_ascii_lowercase();
    let words = path
        .split(['/', '-'])
        .filter(|word| !word.is_empty())
        .map(|word| word.trim_matches(['{', '}']));
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        id.push_str(&first.to_ascii_uppercase());
        id.push_str(rest);
    }
    id
}

/// The body of every error, as under `/v2`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct ErrorBody {
    errors: Vec<ErrorItem>,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct ErrorItem {
    code: String,
    message: String,
    #[schema(value_type = Object)]
    detail: serde_json::Value,
}
