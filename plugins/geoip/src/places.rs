//! Finds what is known of an address: own networks, then the databases; what was found is remembered.

use crate::place::{PROPERTIES, Place, Record};
use crate::remembered::{Key, Mixing, Remembered};
use collector_plugin::Bundle;
use maxminddb::Reader;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};

/// Places that are kept ready to be set; more are forgotten all at once.
const PLACES_MAX: usize = 32_768;

/// An own network.
struct Network {
    address: u128,
    mask: u128,
    place: Place,
}

/// Everything that can be asked.
pub(crate) struct Places {
    /// The narrowest first.
    networks: Vec<Network>,
    databases: Vec<(String, Reader<Vec<u8>>)>,
    wanted: [bool; PROPERTIES.len()],
    language: String,
    /// Places by their column, and by what the networks and the databases answered.
    known: HashMap<Box<[u64]>, u32, Mixing>,
    /// The first one sets nothing.
    places: Vec<Bundle>,
    remembered: Remembered,
    /// What was answered last; kept for its memory.
    answers: Vec<u64>,
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
            known: HashMap::default(),
            places: vec![Bundle::default()],
            remembered: Remembered::default(),
            answers: Vec::new(),
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

    /// What is set for the address that a column has, in its usual text form.
    #[inline(always)]
    pub(crate) fn find(&mut self, column: u32, text: &[u8]) -> &Bundle {
        let place = match Key::of(column, text).and_then(|key| self.remembered.get(key)) {
            Some(place) => place,
            None => self.ask(column, text),
        };
        &self.places[place as usize]
    }

    #[inline(never)]
    fn ask(&mut self, column: u32, text: &[u8]) -> u32 {
        let Some(address) = std::str::from_utf8(text).ok().and_then(|text| text.parse::<IpAddr>().ok()) else {
            return 0;
        };
        let bits = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        }
        .to_bits();
        // A long form is remembered by what it says.
        let key = Key::of(column, text).unwrap_or_else(|| Key::of_bits(column, bits));
        if let Some(place) = self.remembered.get(key) {
            return place;
        }
        let place = self.look_up(column, bits, address);
        self.remembered.put(key, place);
        place
    }

    fn look_up(&mut self, column: u32, bits: u128, address: IpAddr) -> u32 {
        let network = self.networks.iter().position(|network| bits & network.mask == network.address);
        let records = self.databases.iter().map(|(_, database)| database.lookup(address).ok()?.offset());
        let answers = std::iter::once(network).chain(records).map(|answer| answer.map_or(0, |at| at as u64 + 1));
        self.answers.clear();
        self.answers.push(u64::from(column));
        self.answers.extend(answers);
        if let Some(known) = self.known.get(self.answers.as_slice()) {
            return *known;
        }
        if self.places.len() >= PLACES_MAX {
            self.known.clear();
            self.places.truncate(1);
            self.remembered.clear();
        }
        let place = self.make(network, address);
        self.places.push(place.bundle(column * PROPERTIES.len() as u32));
        let number = self.places.len() as u32 - 1;
        self.known.insert(self.answers.as_slice().into(), number);
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
