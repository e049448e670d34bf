//! Connections counted per client address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// Counts connections of each address; an IPv6 network of 64 bits counts as one.
#[derive(Debug, Clone)]
pub struct Addresses {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

impl Addresses {
    pub fn new(most: usize) -> Self {
        Self {
            open: Arc::default(),
            most,
        }
    }

    /// A place for a connection from `address`, until it is dropped; `None` if all are taken.
    pub fn admit(&self, address: IpAddr) -> Option<Admission> {
        let address = group(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Admission {
            address,
            addresses: self.clone(),
        })
    }
}

fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mut segments = v6.segments();
            segments[4..].fill(0);
            IpAddr::from(segments)
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[derive(Debug)]
pub struct Admission {
    address: IpAddr,
    addresses: Addresses,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut open = self
            .addresses
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_places() {
        let addresses = Addresses::new(2);
        let ip = |s: &str| s.parse::<IpAddr>().expect("an address");
        let first = addresses.admit(ip("10.0.0.1"));
        let second = addresses.admit(ip("::ffff:10.0.0.1"));
        assert!(first.is_some() && second.is_some());
        assert!(addresses.admit(ip("10.0.0.1")).is_none());
        assert!(addresses.admit(ip("10.0.0.2")).is_some());
        drop(first);
        assert!(addresses.admit(ip("10.0.0.1")).is_some());
        let _one = addresses.admit(ip("2001:db8::1"));
        let _two = addresses.admit(ip("2001:db8::2"));
        assert!(addresses.admit(ip("2001:db8::3")).is_none());
    }
}
