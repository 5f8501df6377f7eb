use super::*;
use policy::{CtState, Field};

#[test]
fn no_word_stands_twice_in_its_table() {
    let twice = |names: &[&str]| {
        let repeats = |(at, name): (usize, &&str)| {
            names
                .iter()
                .take(at)
                .any(|earlier| earlier.eq_ignore_ascii_case(name))
                .then(|| alloc::string::String::from(*name))
        };
        names.iter().enumerate().find_map(repeats)
    };
    use alloc::vec::Vec;
    for shape in SHAPES {
        assert_eq!(twice(&shape.keys.iter().map(|key| key.name).collect::<Vec<_>>()), None);
    }
    assert_eq!(twice(&PACKET_FIELDS.iter().map(|field| field.name).collect::<Vec<_>>()), None);
    assert_eq!(twice(&ACTIONS.iter().map(|action| action.name).collect::<Vec<_>>()), None);
    for (at, constant) in PREDEFINED.iter().enumerate() {
        let same = |other: &&Predefined| (other.name, other.class) == (constant.name, constant.class);
        assert!(PREDEFINED.iter().take(at).find(same).is_none(), "{}", constant.name);
    }
}

#[test]
fn every_field_of_a_policy_is_a_packet_property_of_its_own_name() {
    for field in Field::ALL {
        let known = packet_field(field.name()).unwrap_or_else(|| panic!("{}", field.name()));
        assert_eq!(known.subject, Subject::Field(*field));
        assert_eq!(known.domain == Domain::Address, field.is_address());
    }
}

#[test]
fn states_have_the_numbers_of_the_policy() {
    for state in [CtState::New, CtState::Established, CtState::Related, CtState::Invalid] {
        let constant = predefined(state.name()).next().unwrap_or_else(|| panic!("{}", state.name()));
        assert_eq!((constant.class, constant.number), (Class::State, state as u32));
    }
}

#[test]
fn every_part_of_an_object_has_its_shape() {
    //  the whole, the key of the part, the part
    let table = [
        (&GATEWAY, "anything", Some("route")),
        (&GATEWAY, "forward", None),
        (&CONNTRACK, "Timeout", Some("timeout")),
        (&CONNTRACK, "limit", None),
        (&TIMEOUTS, "established", Some("class")),
        (&TIMEOUT, "tcp", None),
        (&BALANCER, "clients", Some("clients")),
        (&BALANCER, "servers", Some("servers")),
        (&SERVERS, "pool", Some("node")),
        (&SERVERS, "iface", None),
        (&IFACE, "address", None),
    ];
    for (whole, key, part) in table {
        assert_eq!(whole.part(key).map(|shape| shape.name), part, "{} {key}", whole.name);
    }
}
