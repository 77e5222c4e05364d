//! Adds the place and the network of addresses: `source.ip` gets `source.geo.*` and `source.as.*`, named as ECS has them.
//!
//! The databases are assets of the chain entry in MaxMind's format (GeoLite2, GeoIP2, DB-IP and their like); own networks can stand in the configuration.

mod place;
mod places;
mod remembered;
#[cfg(any(test, feature = "write"))]
pub mod write;

use collector_plugin::{Event, Filter, Input, Manifest, Reject, Verdict, host};
use place::{PROPERTIES, Property};
use places::Places;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the chain entry may say.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Fields that hold an address; their names end in `.ip`, and what is found goes beside them.
    pub fields: Vec<String>,
    /// Names of the data files under `assets`.
    pub databases: Vec<String>,
    /// What is added, by its name behind `geo.` or as `as.…`; everything there is where nothing is said.
    pub properties: Option<Vec<String>>,
    /// The language of names.
    pub language: String,
    /// Own networks: properties by network, which go before the databases.
    pub networks: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            fields: ["source.ip", "destination.ip", "client.ip", "server.ip"].map(str::to_owned).into(),
            databases: Vec::new(),
            properties: None,
            language: "en".to_owned(),
            networks: BTreeMap::new(),
        }
    }
}

/// Name of the data file where the configuration names none.
const DATABASE: &str = "geoip";

/// The filter.
pub struct GeoIp {
    fields: Vec<String>,
    columns: usize,
    places: Places,
}

impl Filter for GeoIp {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        if let Some(wrong) = config.fields.iter().find(|name| target(name).is_none()) {
            return Err(format!(
                "`fields`: `{wrong}` does not end in `.ip`, such as source.ip: what is found goes beside it"
            ));
        }
        let wanted = wanted(config.properties.as_deref())?;
        let databases = match config.databases.as_slice() {
            [] if config.networks.is_empty() => vec![DATABASE.to_owned()],
            named => named.to_vec(),
        };
        let mut places = Places::new(&config.networks, wanted, config.language)?;
        for name in databases {
            places.add(&name, host::asset(&name)?)?;
        }
        Ok(Self { columns: config.fields.len(), fields: config.fields, places })
    }

    fn manifest(&self) -> Manifest {
        let targets = self.fields.iter().filter_map(|name| target(name));
        let names =
            targets.flat_map(|target| PROPERTIES.iter().map(move |property| format!("{target}.{}", property.name)));
        Manifest::reading(&self.fields).writing(names)
    }

    #[inline(always)]
    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        for column in 0..self.columns {
            if let Some(text) = input.text(column) {
                event.bundle(self.places.find(column as u32, text));
            }
        }
        Ok(Verdict::Keep)
    }
}

/// What stands before `.ip`.
fn target(name: &str) -> Option<&str> {
    name.strip_suffix(".ip").filter(|target| !target.contains('*') && !target.split('.').any(str::is_empty))
}

/// Which of the properties are wanted.
fn wanted(named: Option<&[String]>) -> Result<[bool; PROPERTIES.len()], String> {
    let Some(named) = named else {
        return Ok([true; PROPERTIES.len()]);
    };
    let is =
        |property: &Property, name: &str| property.name == name || property.name.strip_prefix("geo.") == Some(name);
    if let Some(unknown) = named.iter().find(|name| !PROPERTIES.iter().any(|property| is(property, name))) {
        let known: Vec<&str> = PROPERTIES.iter().map(|property| property.name).collect();
        return Err(format!("`properties`: `{unknown}` is none; there are: {}", known.join(", ")));
    }
    Ok(PROPERTIES.each_ref().map(|property| named.iter().any(|name| is(property, name))))
}

collector_plugin::export!(GeoIp as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
