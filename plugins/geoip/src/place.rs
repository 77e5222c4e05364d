//! What is known of an address, ready to be set.

use collector_plugin::{Bundle, Constants, Field};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Something that can be known, by its name in ECS.
pub(crate) struct Property {
    pub(crate) name: &'static str,
}

/// All of them; their places are the ids of a field, counted for each address.
pub(crate) const PROPERTIES: [Property; 14] = [
    Property { name: "geo.continent_code" },
    Property { name: "geo.continent_name" },
    Property { name: "geo.country_iso_code" },
    Property { name: "geo.country_name" },
    Property { name: "geo.region_iso_code" },
    Property { name: "geo.region_name" },
    Property { name: "geo.city_name" },
    Property { name: "geo.postal_code" },
    Property { name: "geo.timezone" },
    Property { name: "geo.name" },
    Property { name: "geo.location.lat" },
    Property { name: "geo.location.lon" },
    Property { name: "as.number" },
    Property { name: "as.organization.name" },
];

#[derive(Clone, Debug, PartialEq)]
enum Known {
    Text(String),
    Int(i64),
    Float(f64),
}

/// What is known of an address.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Place(Vec<(u32, Known)>);

impl Place {
    /// What it sets, ready to be copied into events; the first property has the field with the id `first`.
    pub(crate) fn bundle(&self, first: u32) -> Bundle {
        let constants = self.0.iter().fold(Constants::new(), |constants, (property, known)| {
            let field = Field::nth(first + property);
            match known {
                Known::Text(text) => constants.text(field, text),
                Known::Int(int) => constants.int(field, *int),
                Known::Float(float) => constants.float(field, *float),
            }
        });
        constants.into_bundle()
    }

    /// Adds what another one knows and this one does not.
    pub(crate) fn complete(&mut self, other: Self) {
        for (property, known) in other.0 {
            if !self.0.iter().any(|(own, _)| *own == property) {
                self.0.push((property, known));
            }
        }
    }

    /// Takes away what is not wanted.
    pub(crate) fn limit(&mut self, wanted: &[bool; PROPERTIES.len()]) {
        self.0.retain(|(property, _)| wanted[*property as usize]);
    }

    fn put(&mut self, name: &str, known: Option<Known>) {
        let property = PROPERTIES.iter().position(|property| property.name == name);
        self.0.extend(property.map(|property| property as u32).zip(known));
    }

    /// An own network's properties.
    ///
    /// # Errors
    /// A property that is none, or a value of another type.
    pub(crate) fn configured(properties: &BTreeMap<String, Value>) -> Result<Self, String> {
        let mut place = Self::default();
        for (name, value) in properties {
            if !PROPERTIES.iter().any(|property| property.name == name) {
                return Err(format!(
                    "`{name}` is no property; there are geo.name, geo.city_name, as.number and others"
                ));
            }
            let known = match (name.as_str(), value) {
                ("as.number", value) => value.as_i64().map(Known::Int),
                ("geo.location.lat" | "geo.location.lon", value) => value.as_f64().map(Known::Float),
                (_, value) => value.as_str().map(|text| Known::Text(text.to_owned())),
            };
            let known = known.ok_or_else(|| format!("`{name}`: {value} is not of its type"))?;
            place.put(name, Some(known));
        }
        Ok(place)
    }

    /// What a database says.
    pub(crate) fn of(record: &Record<'_>, language: &str) -> Self {
        let mut place = Self::default();
        let text = |text: Option<&str>| text.map(|text| Known::Text(text.to_owned()));
        let name = |names: &BTreeMap<&str, &str>| text(names.get(language).or_else(|| names.get("en")).copied());
        let region = record.subdivisions.first();
        let region_code = region.and_then(|region| region.iso_code).zip(record.country.iso_code);
        place.put("geo.continent_code", text(record.continent.code));
        place.put("geo.continent_name", name(&record.continent.names));
        place.put("geo.country_iso_code", text(record.country.iso_code));
        place.put("geo.country_name", name(&record.country.names));
        place.put(
            "geo.region_iso_code",
            region_code.map(|(region, country)| Known::Text(format!("{country}-{region}"))),
        );
        place.put("geo.region_name", region.and_then(|region| name(&region.names)));
        place.put("geo.city_name", name(&record.city.names));
        place.put("geo.postal_code", text(record.postal.code));
        place.put("geo.timezone", text(record.location.time_zone));
        let float = |float: Option<f64>| float.filter(|float| float.is_finite()).map(Known::Float);
        place.put("geo.location.lat", float(record.location.latitude));
        place.put("geo.location.lon", float(record.location.longitude));
        place.put("as.number", record.autonomous_system_number.map(|number| Known::Int(i64::from(number))));
        place.put("as.organization.name", text(record.autonomous_system_organization));
        place
    }
}

/// The members that are read of a database's record, whichever kind of database it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Record<'d> {
    #[serde(borrow)]
    continent: Named<'d>,
    country: Named<'d>,
    subdivisions: Vec<Named<'d>>,
    city: Named<'d>,
    postal: Named<'d>,
    location: Location<'d>,
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<&'d str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named<'d> {
    code: Option<&'d str>,
    iso_code: Option<&'d str>,
    #[serde(borrow)]
    names: BTreeMap<&'d str, &'d str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location<'d> {
    latitude: Option<f64>,
    longitude: Option<f64>,
    time_zone: Option<&'d str>,
}
