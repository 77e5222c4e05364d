//! Finds what is known of an address: own networks, then the databases; what was found is remembered.

use crate::place::{PROPERTIES, Place, Record};
use maxminddb::Reader;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};

/// Addresses of which the answer is remembered; a power of two.
const REMEMBERED: usize = 4_096;
/// Records that are kept decoded; more are forgotten all at once.
const PLACES_MAX: usize = 65_536;

/// An own network.
struct Network {
    address: u128,
    mask: u128,
    place: Place,
}

/// An address as IPv6 with the answer to it: the place's number, if there is one.
type Remembered = (u128, Option<u32>);

/// Everything that can be asked.
pub(crate) struct Places {
    /// The narrowest first.
    networks: Vec<Network>,
    databases: Vec<(String, Reader<Vec<u8>>)>,
    wanted: [bool; PROPERTIES.len()],
    language: String,
    /// By what the databases and the networks answered.
    known: HashMap<Vec<Option<usize>>, Option<u32>>,
    places: Vec<Place>,
    remembered: Vec<Option<Remembered>>,
}

impl Places {
    /// # Errors
    /// A network or a property that is none.
    pub(crate) fn new(
        networks: &BTreeMap<String, BTreeMap<String, Value>>,
        wanted: [bool; PROPERTIES.len()],
        language: String,
    ) -> Result<Self, String> {
        let mut own =
            networks.iter().map(|(name, properties)| network(name, properties)).collect::<Result<Vec<_>, _>>()?;
        own.sort_by_key(|network| std::cmp::Reverse(network.mask));
        Ok(Self {
            networks: own,
            databases: Vec::new(),
            wanted,
            language,
            known: HashMap::new(),
            places: Vec::new(),
            remembered: vec![None; REMEMBERED],
        })
    }

    /// Adds a database.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn add(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), String> {
        let database = Reader::from_source(bytes)
            .map_err(|error| format!("the asset `{name}` is no database in MaxMind's format (.mmdb): {error}"))?;
        self.databases.push((name.to_owned(), database));
        Ok(())
    }

    /// What is known of an address in its usual text form.
    #[inline(always)]
    pub(crate) fn find(&mut self, text: &[u8]) -> Option<&Place> {
        let address: IpAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
        let key = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        }
        .to_bits();
        let slot = slot(key);
        let place = match self.remembered[slot] {
            Some((known, place)) if known == key => place,
            _ => {
                let place = self.ask(key, address);
                self.remembered[slot] = Some((key, place));
                place
            }
        };
        place.map(|place| &self.places[place as usize])
    }

    #[inline(never)]
    fn ask(&mut self, key: u128, address: IpAddr) -> Option<u32> {
        let network = self.networks.iter().position(|network| key & network.mask == network.address);
        let records = self.databases.iter().map(|(_, database)| database.lookup(address).ok()?.offset());
        let answers: Vec<Option<usize>> = std::iter::once(network).chain(records).collect();
        if let Some(known) = self.known.get(&answers) {
            return *known;
        }
        if self.known.len() >= PLACES_MAX {
            self.known.clear();
            self.places.clear();
            self.remembered.fill(None);
        }
        let place = self.make(network, address);
        let number = (!place.is_empty()).then(|| {
            self.places.push(place);
            self.places.len() as u32 - 1
        });
        self.known.insert(answers, number);
        number
    }

    fn make(&self, network: Option<usize>, address: IpAddr) -> Place {
        let mut place = network.map(|network| self.networks[network].place.clone()).unwrap_or_default();
        for (_, database) in &self.databases {
            // A record that cannot be read is one of a broken file: nothing is known then.
            let record = database.lookup(address).and_then(|found| found.decode::<Record<'_>>());
            if let Ok(Some(record)) = record {
                place.complete(Place::of(&record, &self.language));
            }
        }
        place.limit(&self.wanted);
        place
    }
}

fn slot(key: u128) -> usize {
    let mixed = ((key as u64) ^ (key >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % REMEMBERED
}

/// `10.0.0.0/8` or `2001:db8::/32`, in IPv6.
fn network(name: &str, properties: &BTreeMap<String, Value>) -> Result<Network, String> {
    let wrong = || format!("`networks`: `{name}` is no network such as 10.0.0.0/8 or 2001:db8::/32");
    let (address, bits) = name.split_once('/').ok_or_else(wrong)?;
    let (address, above, width) = match address.parse().map_err(|_| wrong())? {
        IpAddr::V4(address) => (address.to_ipv6_mapped(), 96, 32),
        IpAddr::V6(address) => (address, 0, 128),
    };
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= width).ok_or_else(wrong)?;
    let mask = u128::MAX.checked_shl(128 - above - bits).unwrap_or(0);
    let place = Place::configured(properties).map_err(|error| format!("`networks`: `{name}`: {error}"))?;
    Ok(Network { address: Ipv6Addr::to_bits(address) & mask, mask, place })
}
