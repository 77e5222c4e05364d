use super::*;
use proptest::prelude::*;
use std::net::Ipv4Addr;

fn naive(bytes: &[u8], from: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    (from..bytes.len()).find(|&i| is(bytes[i]))
}

proptest! {
    #[test]
    fn finders_agree_with_a_plain_loop(bytes in proptest::collection::vec(0x18u8..0x40, 0..80), from in 0usize..90) {
        prop_assert_eq!(find(&bytes, from, b'"'), naive(&bytes, from, |b| b == b'"'));
        prop_assert_eq!(find2(&bytes, from, b'"', b' '), naive(&bytes, from, |b| b == b'"' || b == b' '));
        prop_assert_eq!(find3(&bytes, from, b'"', b' ', b'?'), naive(&bytes, from, |b| b"\" ?".contains(&b)));
        let has = bytes.iter().any(|b| b"\" ".contains(b));
        prop_assert_eq!(has_either(&bytes, b'"', b' '), has);
        prop_assert_eq!(find_digit(&bytes, from), naive(&bytes, from, |b| b.is_ascii_digit()));
    }

    #[test]
    fn one_of_two_bytes_is_seen_wherever_it_is(length in 1usize..200, at: proptest::sample::Index, second: bool) {
        let mut bytes = vec![b'a'; length];
        prop_assert!(!has_either(&bytes, b'@', b'%'));
        bytes[at.index(length)] = if second { b'%' } else { b'@' };
        prop_assert!(has_either(&bytes, b'@', b'%'));
    }

    #[test]
    fn the_json_finder_stops_at_quotes_backslashes_and_controls(bytes in proptest::collection::vec(any::<u8>(), 0..80), from in 0usize..90) {
        prop_assert_eq!(find_json_special(&bytes, from), naive(&bytes, from, |b| b == b'"' || b == b'\\' || b < 0x20));
    }

    #[test]
    fn an_extension_is_what_is_behind_the_last_dot_of_the_last_segment(before in "[a-z./ ]{0,20}", path in "/[a-c./]{0,40}", after in ".{0,20}") {
        let line = format!("{before}{path}{after}");
        let segment = path.rfind('/').unwrap();
        let expected = path.rfind('.').filter(|dot| *dot > segment && dot + 1 < path.len()).map(|dot| before.len() + dot + 1);
        prop_assert_eq!(extension(line.as_bytes(), before.len(), before.len() + path.len()), expected);
    }

    #[test]
    fn the_pair_finder_stops_at_white_space_quotes_and_equals(bytes in proptest::collection::vec(any::<u8>(), 0..80), from in 0usize..90) {
        prop_assert_eq!(find_pair_special(&bytes, from), naive(&bytes, from, |b| b <= b' ' || b == b'=' || b == b'"'));
    }

    #[test]
    fn digits_agree_with_parse(value in any::<u64>(), shift in 0u32..64, before in "[a-z ]{0,5}", after in "([^0-9].{0,9})?") {
        let number = (value >> shift).to_string();
        let line = format!("{before}{number}{after}");
        prop_assert_eq!(digits(line.as_bytes(), before.len()), Some((value >> shift, before.len() + number.len())));
    }

    #[test]
    fn digits_of_a_block_agree_with_parse(number in "[0-9]{1,15}", behind in "[^0-9].{16}") {
        let text = format!("{number}{behind}");
        let block = text.as_bytes().first_chunk().unwrap();
        prop_assert_eq!(sixteen_digits(block, number.len()), number.parse::<u64>().unwrap());
    }

    #[test]
    fn digits_of_anything_agree_with_parse(bytes in proptest::collection::vec(prop_oneof![9 => 0x30u8..0x3a, 1 => any::<u8>()], 0..30)) {
        let end = naive(&bytes, 0, |b| !b.is_ascii_digit()).unwrap_or(bytes.len());
        let expected = std::str::from_utf8(&bytes[..end]).unwrap().parse::<u64>().ok().map(|v| (v, end));
        prop_assert_eq!(digits(&bytes, 0), expected);
    }

    #[test]
    fn two_digits_agree_with_parse(bytes in proptest::collection::vec(0x2eu8..0x3c, 0..4)) {
        let expected = bytes.get(..2).filter(|b| b.iter().all(u8::is_ascii_digit))
            .and_then(|b| std::str::from_utf8(b).unwrap().parse::<u32>().ok());
        prop_assert_eq!(two_digits(&bytes, 0), expected);
    }

    #[test]
    fn every_ipv4_address_is_one(address in any::<u32>(), before in "[ a-z0-9.]{0,4}", after in "[ a-z0-9.:]{0,20}") {
        let address = Ipv4Addr::from(address).to_string();
        let line = format!("{before}{address}{after}");
        prop_assert!(is_ipv4(line.as_bytes(), before.len(), before.len() + address.len()));
    }

    #[test]
    fn what_looks_like_an_ipv4_address_is_one_only_if_it_parses(
        text in "[0-9]{0,4}[.a]?[0-9]{0,3}[.]{0,2}[0-9]{0,3}[.]?[0-3][0-9]{0,2}", after in ".{0,12}",
    ) {
        let line = format!("{text}{after}");
        prop_assert_eq!(is_ipv4(line.as_bytes(), 0, text.len()), text.parse::<Ipv4Addr>().is_ok(), "{}", text);
    }
}

#[test]
fn digits_beyond_u64_are_refused() {
    assert_eq!(digits(b"18446744073709551615 ", 0), Some((u64::MAX, 20)));
    assert_eq!(digits(b"18446744073709551616 ", 0), None);
    assert_eq!(digits(b"00000000000000000000000018446744073709551615", 0), Some((u64::MAX, 44)));
    assert_eq!(digits(b"99999999999999999999", 0), None);
    assert_eq!(digits(b"", 0), None);
    assert_eq!(digits(b"1", 7), None);
}

#[test]
fn addresses_of_version_6_are_told_from_names() {
    for (text, expected) in [
        ("2a02:cf40:10ff:f00f:0000:0000:0:8000", true),
        ("::1", true),
        ("::ffff:10.0.0.1", true),
        ("fe80::1%eth0", false),
        ("unix:", false),
        ("localhost", false),
        ("", false),
    ] {
        assert_eq!(is_ip(text.as_bytes(), 0, text.len()), expected, "{text}");
    }
}
