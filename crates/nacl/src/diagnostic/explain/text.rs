//! Codes about the text itself and its literals.

use super::{Code, Explanation, explanation, on_input, without_example};

pub fn explain(code: Code) -> Option<Explanation> {
    Some(match code {
        Code::StrayCharacter => explanation(
            "The character is no part of the language. Entries need no separator but white space; outside comments and strings \
             only ASCII is read.",
            "port: 80;\n",
            "port: 80\n",
        ),
        Code::UnclosedString => explanation(
            "A string begins and ends with `\"` on one line. A line break inside is written `\\n`, a quotation mark `\\\"`.",
            on_input!("Filter::IP f { log(\"seen)\n accept }"),
            on_input!("Filter::IP f { log(\"seen\")\n accept }"),
        ),
        Code::UnclosedComment => explanation(
            "A comment that begins with `/*` reaches to the next `*/`; without one it would swallow the rest of the file. \
             Such comments do not nest.",
            "port: 80 /* the web",
            "port: 80 /* the web */",
        ),
        Code::UnknownEscape => explanation(
            "In a string a backslash stands before one of `n t r \\ \"`. A backslash itself is written twice.",
            on_input!("Filter::IP f { log(\"C:\\data\") accept }"),
            on_input!("Filter::IP f { log(\"C:\\\\data\") accept }"),
        ),
        Code::ExpectedToken => explanation(
            "The text does not go on as the language does. The message names what may stand here; often a `:`, a `,` or a \
             bracket is missing just before.",
            "hosts: [10.0.0.1 : 10.0.0.9]\n",
            "hosts: [10.0.0.1 - 10.0.0.9]\n",
        ),
        Code::UnclosedBracket => explanation(
            "A bracket was opened and the file, or the next declaration, came before it was closed.",
            "Iface eth0 { index: 0\n",
            "Iface eth0 { index: 0 }\n",
        ),
        Code::MissingComma => explanation(
            "Elements of a list are separated by commas. Without one, two numbers would easily be read as one.",
            "ports: [80 443]\n",
            "ports: [80, 443]\n",
        ),
        Code::StrayNumber => explanation(
            "At top level stand declarations; a number by itself declares nothing. Often it was meant to be part of the list \
             above.",
            "port: 80\n443\n",
            "ports: [80, 443]\n",
        ),
        Code::SingleEquals => explanation(
            "There is no `=`: values are compared with `==`, and a name or key is joined to its value by `:`.",
            on_input!("Filter::IP f { if (ip.ttl = 5) { drop } accept }"),
            on_input!("Filter::IP f { if (ip.ttl == 5) { drop } accept }"),
        ),
        Code::KeywordAsName => explanation(
            "The words `if else in and or not true false` have their meaning everywhere and cannot be names. They may be keys \
             of an object.",
            "in: 80\n",
            "inside: 80\n",
        ),
        Code::EmptyObject => explanation(
            "An object holds at least one entry. Leave it out where nothing is to be said.",
            "m: { }\n",
            "m: { a: 1 }\n",
        ),
        Code::EmptyBody => explanation(
            "A function or a branch has at least one statement. One that shall do nothing can be left out; one that shall decide \
             needs its verdict.",
            on_input!("Filter::IP f { if (ip.ttl == 1) { } accept }"),
            on_input!("Filter::IP f { if (ip.ttl == 1) { drop } accept }"),
        ),
        Code::NestingTooDeep => without_example(
            "Brackets, functions and conditions nest 64 levels at most, and a constant may be named through as many \
             others: a file is compiled by the router itself, whose stack is small. Give an inner part a name of its own.",
        ),
        Code::SourceTooLarge => without_example(
            "A file may have 256 MiB, far more than a router holds rules for. Probably it is something else than a configuration.",
        ),
        Code::InvalidAddress => explanation(
            "An IPv4 address is four numbers from 0 to 255 joined by `.`; an IPv6 address eight groups of one to four \
             hexadecimal digits joined by `:`, in which one `::` may stand for groups of zeros.",
            "server: 10.0.0.256\n",
            "server: 10.0.0.25\n",
        ),
        Code::LeadingZero => explanation(
            "Some tools read a number with a leading zero as octal, so that 010 is 8. To be read alike everywhere an octet is \
             written without one.",
            "server: 010.0.0.1\n",
            "server: 10.0.0.1\n",
        ),
        Code::InvalidPrefixLength => explanation(
            "Behind the `/` of a CIDR stands how many leading bits make the network: 0-32 for IPv4, 0-128 for IPv6.",
            "net: 10.0.0.0/33\n",
            "net: 10.0.0.0/24\n",
        ),
        Code::InvalidRange => explanation(
            "A range has two ends of one kind, written as literals: two integers, or two addresses of one family.",
            "hosts: 10.0.0.1 - 2001:db8::9\n",
            "hosts: [10.0.0.1 - 10.0.0.9, 2001:db8::1 - 2001:db8::9]\n",
        ),
        Code::ReversedRange => explanation(
            "A range is written from its lower to its upper end; the other way round it would hold nothing.",
            "ports: 2000 - 1000\n",
            "ports: 1000 - 2000\n",
        ),
        Code::IntegerTooLarge => explanation(
            "Numbers have 64 bits with a sign, far more than any property of a packet.",
            "big: 99999999999999999999\n",
            "big: 9999999999\n",
        ),
        _ => return None,
    })
}
