//! The order of a copy, decided before anything is written. Pure: given what
//! an image is made of, says which blobs move and in which order the
//! manifests follow.

use std::collections::HashSet;

use wharf_oci::{Digest, Manifest, manifest::Descriptor};

/// What has to be put in place, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Every blob once, in any order, before any manifest.
    pub(super) blobs: Vec<Descriptor>,
    /// Every manifest once, each after all that it refers to; the root last.
    pub(super) manifests: Vec<Digest>,
}

impl Plan {
    /// Plans the copy of `root`. `known` holds the manifests that were read;
    /// children it does not hold are at the destination already.
    pub(super) fn new<'a>(root: &Digest, known: impl Fn(&Digest) -> Option<&'a Manifest>) -> Self {
        let mut plan = Self::default();
        let mut blobs = HashSet::new();
        let mut entered = HashSet::new();
        let mut stack = vec![Step::Enter(root.clone())];
        while let Some(step) = stack.pop() {
            match step {
                Step::Enter(digest) => {
                    let Some(manifest) = known(&digest) else {
                        continue;
                    };
                    if !entered.insert(digest.clone()) {
                        continue;
                    }
                    plan.add_blobs(manifest, &mut blobs);
                    stack.push(Step::Leave(digest));
                    let children = manifest.children().map(|child| child.digest.clone());
                    stack.extend(children.map(Step::Enter));
                }
                Step::Leave(digest) => plan.manifests.push(digest),
            }
        }
        plan
    }

    /// Bytes of all blobs.
    pub(super) fn bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size).sum()
    }

    fn add_blobs(&mut self, manifest: &Manifest, seen: &mut HashSet<Digest>) {
        for blob in manifest.blobs().filter(|blob| !blob.is_foreign()) {
            if seen.insert(blob.digest.clone()) {
                self.blobs.push(blob.clone());
            }
        }
    }
}

/// A depth-first walk without recursion: images from strangers may be deep.
enum Step {
    Enter(Digest),
    Leave(Digest),
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};
    use wharf_oci::media_type::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};

    use super::*;

    fn descriptor(media_type: &str, digest: &Digest) -> Value {
        json!({"mediaType": media_type, "digest": digest.as_str(), "size": 3})
    }

    fn parse(value: &Value) -> (Digest, Manifest) {
        let bytes = value.to_string();
        let manifest = Manifest::parse(bytes.as_bytes(), None).expect("valid");
        (Digest::sha256(bytes.as_bytes()), manifest)
    }

    fn image(layers: &[&str]) -> (Digest, Manifest) {
        let layers: Vec<Value> = layers
            .iter()
            .map(|layer| descriptor(OCI_LAYER_GZIP, &Digest::sha256(layer.as_bytes())))
            .collect();
        let config = descriptor(
            OCI_CONFIG,
            &Digest::sha256(format!("{layers:?}").as_bytes()),
        );
        parse(&json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers,
        }))
    }

    fn index(children: &[Digest]) -> (Digest, Manifest) {
        let children: Vec<Value> = children
            .iter()
            .map(|c| descriptor(OCI_MANIFEST, c))
            .collect();
        parse(&json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}))
    }

    fn plan(root: &Digest, manifests: &HashMap<Digest, Manifest>) -> Plan {
        Plan::new(root, |digest| manifests.get(digest))
    }

    #[test]
    fn shared_layers_move_once() {
        let (a, b) = (image(&["base", "a"]), image(&["base", "b"]));
        let root = index(&[a.0.clone(), b.0.clone()]);
        let manifests = HashMap::from([a, b, root.clone()]);
        let plan = plan(&root.0, &manifests);
        assert_eq!(plan.blobs.len(), 5, "two configs, three distinct layers");
        assert_eq!(plan.bytes(), 15);
        assert_eq!(plan.manifests.last(), Some(&root.0));
    }

    #[test]
    fn what_the_destination_has_is_left_out() {
        let (a, b) = (image(&["a"]), image(&["b"]));
        let root = index(&[a.0.clone(), b.0]);
        let manifests = HashMap::from([a.clone(), root.clone()]);
        let plan = plan(&root.0, &manifests);
        assert_eq!(plan.manifests, [a.0, root.0]);
    }

    #[test]
    fn foreign_layers_stay_where_they_are() {
        let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
        let root = parse(&json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, &Digest::sha256(b"config")),
            "layers": [descriptor(foreign, &Digest::sha256(b"windows"))],
        }));
        let manifests = HashMap::from([root.clone()]);
        assert_eq!(plan(&root.0, &manifests).blobs.len(), 1);
    }

    proptest! {
        /// Layers of a random graph: each index refers to any earlier manifests.
        #[test]
        fn children_come_before_their_parents(shape in proptest::collection::vec(proptest::collection::vec(any::<prop::sample::Index>(), 0..5), 0..12)) {
            let mut all = vec![image(&["x"])];
            for picks in shape {
                let children: Vec<Digest> = picks.iter().map(|i| i.get(&all).0.clone()).collect();
                all.push(index(&children));
            }
            let root = all.last().expect("not empty").0.clone();
            let manifests: HashMap<Digest, Manifest> = all.into_iter().collect();
            let plan = plan(&root, &manifests);

            let position = |digest: &Digest| plan.manifests.iter().position(|d| d == digest);
            prop_assert_eq!(plan.manifests.last(), Some(&root));
            let distinct: HashSet<&Digest> = plan.manifests.iter().collect();
            prop_assert_eq!(distinct.len(), plan.manifests.len());
            for parent in &plan.manifests {
                for child in manifests[parent].children() {
                    prop_assert!(position(&child.digest) < position(parent));
                    prop_assert!(position(&child.digest).is_some());
                }
            }
        }
    }
}
