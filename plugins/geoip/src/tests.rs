use super::Plugin;
use crate::write::database;
use collector_plugin::host::with_assets;
use collector_plugin::testing::{Session, check_samples};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::path::Path;

/// The networks set aside for documentation, as if they were somewhere.
fn places() -> Vec<u8> {
    let city = |code: &str, country: &str, region: Option<(&str, &str)>, city: &str, at: (f64, f64)| {
        let regions: Vec<Value> =
            region.iter().map(|(code, name)| json!({"iso_code": code, "names": {"en": name}})).collect();
        json!({
            "continent": {"code": "EU", "names": {"en": "Europe", "de": "Europa"}},
            "country": {"iso_code": code, "names": {"en": country}}, "subdivisions": regions,
            "city": {"names": {"en": city}}, "location": {"latitude": at.0, "longitude": at.1, "time_zone": "Europe/Zurich"},
            "postal": {"code": "3000"}, "autonomous_system_number": 64_500, "autonomous_system_organization": "Example Net",
        })
    };
    let bern = city("CH", "Switzerland", Some(("BE", "Bern")), "Bern", (46.948, 7.4474));
    let vaduz = city("LI", "Liechtenstein", None, "Vaduz", (47.141, 9.5209));
    let bare = json!({"autonomous_system_number": 64_501});
    let at = |a, b, c| Ipv4Addr::new(a, b, c, 0);
    database([(at(192, 0, 2), 24, &bern), (at(198, 51, 100), 24, &vaduz), (at(198, 51, 100), 28, &bare)])
}

fn open(config: &Value) -> Result<Session<Plugin>, String> {
    with_assets([("geoip".to_owned(), places())], || Session::open(&config.to_string()))
}

fn found(config: &Value, ip: &str) -> Value {
    let fields = json!({"source.ip": ip});
    let mut kept = open(config).unwrap().event("line", fields.as_object().unwrap()).kept();
    kept.remove("source.ip");
    Value::Object(kept)
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn an_address_gets_its_place_and_its_network() {
    assert_eq!(
        found(&json!({}), "192.0.2.7"),
        json!({
            "source.geo.continent_code": "EU", "source.geo.continent_name": "Europe", "source.geo.country_iso_code": "CH",
            "source.geo.country_name": "Switzerland", "source.geo.region_iso_code": "CH-BE", "source.geo.region_name": "Bern",
            "source.geo.city_name": "Bern", "source.geo.postal_code": "3000", "source.geo.timezone": "Europe/Zurich",
            "source.geo.location.lat": 46.948, "source.geo.location.lon": 7.4474,
            "source.as.number": 64_500, "source.as.organization.name": "Example Net",
        })
    );
    assert_eq!(found(&json!({}), "198.51.100.200")["source.geo.city_name"], "Vaduz");
    assert_eq!(found(&json!({}), "198.51.100.9"), json!({"source.as.number": 64_501}));
    for unknown in ["203.0.113.1", "no address", "2001:db8::1", ""] {
        assert_eq!(found(&json!({}), unknown), json!({}), "{unknown}");
    }
}

#[test]
fn only_what_is_wanted_is_added_in_the_language_that_is_wanted() {
    let config = json!({"properties": ["continent_name", "as.number", "geo.city_name"], "language": "de"});
    let expected =
        json!({"source.geo.continent_name": "Europa", "source.geo.city_name": "Bern", "source.as.number": 64_500});
    assert_eq!(found(&config, "192.0.2.7"), expected);
}

#[test]
fn own_networks_go_before_the_databases_and_are_completed_by_them() {
    let config = json!({"databases": ["geoip"], "properties": ["geo.city_name", "geo.name"],
        "networks": {"192.0.2.0/25": {"geo.name": "lab", "geo.city_name": "Thun"}, "0.0.0.0/0": {"geo.name": "world"}}});
    assert_eq!(found(&config, "192.0.2.7"), json!({"source.geo.name": "lab", "source.geo.city_name": "Thun"}));
    assert_eq!(found(&config, "192.0.2.200"), json!({"source.geo.name": "world", "source.geo.city_name": "Bern"}));
    assert_eq!(found(&config, "2001:db8::1"), json!({}));
}

#[test]
fn what_is_remembered_is_what_would_be_found_anew() {
    let mut session = open(&json!({})).unwrap();
    for ip in ["192.0.2.1", "198.51.100.200", "192.0.2.1", "203.0.113.1", "198.51.100.200", "192.0.2.2"] {
        let fields = json!({"source.ip": ip});
        let mut kept = session.event("line", fields.as_object().unwrap()).kept();
        kept.remove("source.ip");
        assert_eq!(Value::Object(kept), found(&json!({}), ip), "{ip}");
    }
}

#[test]
fn a_wrong_configuration_or_file_is_refused() {
    for (config, part) in [
        (json!({"fields": ["source.address"]}), "does not end in `.ip`"),
        (json!({"properties": ["town"]}), "`town` is none; there are: geo.continent_code"),
        (json!({"networks": {"10.0.0.0": {}}}), "is no network"),
        (json!({"networks": {"10.0.0.0/33": {}}}), "is no network"),
        (json!({"networks": {"10.0.0.0/8": {"town": "x"}}}), "`town` is no property"),
        (json!({"networks": {"10.0.0.0/8": {"as.number": "x"}}}), "not of its type"),
        (json!({"databases": ["other"]}), "`other`"),
    ] {
        let error = open(&config).err().unwrap();
        assert!(error.contains(part), "{config}: {error}");
    }
    let text = [("geoip".to_owned(), b"no database".to_vec())];
    let error = with_assets(text, || Session::<Plugin>::open("")).err().unwrap();
    assert!(error.contains("MaxMind"), "{error}");
}

#[test]
fn the_database_of_the_samples_is_the_one_of_these_tests() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/places.mmdb");
    if std::env::var_os("COLLECTOR_WRITE_SAMPLES").is_some() {
        std::fs::write(&file, places()).unwrap();
    }
    assert_eq!(std::fs::read(&file).unwrap(), places());
}

proptest! {
    #[test]
    fn a_broken_database_is_refused_or_harmless(at in 0usize..2_000, byte: u8, ip: u32) {
        let mut bytes = places();
        let at = at % bytes.len();
        bytes[at] = byte;
        let opened = with_assets([("geoip".to_owned(), bytes)], || Session::<Plugin>::open(""));
        if let Ok(mut session) = opened {
            for ip in [Ipv4Addr::from_bits(ip).to_string(), "192.0.2.7".to_owned(), "198.51.100.9".to_owned()] {
                session.event("line", json!({"source.ip": ip}).as_object().unwrap());
            }
        }
    }
}
