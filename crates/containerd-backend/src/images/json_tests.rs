//! Tests of JSON as Go reads it.

use super::*;

#[derive(Debug, Default, PartialEq)]
struct Sample {
    name: String,
    size: u64,
    list: Vec<String>,
    inner: Option<Box<Sample>>,
    inners: Vec<Sample>,
    notes: BTreeMap<String, String>,
    places: Vec<String>,
    odd: bool,
}

impl Object for Sample {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error> {
        match name {
            "name" => text(&mut self.name, map),
            "size" => size(&mut self.size, map),
            "listofkeys" => texts(&mut self.list, (3, "texts"), map),
            "inner" => object(&mut **self.inner.get_or_insert_default(), map),
            "inners" => list(&mut self.inners, (2, "samples"), map),
            "notes" => texts_at(&mut self.notes, &["a", "B"], map),
            "places" => keys(&mut self.places, (2, "places"), map),
            "odd" => seen(&mut self.odd, map),
            _ => Ok(false),
        }
    }
}

fn sample(text: &str) -> Sample {
    read(text.as_bytes()).unwrap()
}

fn refusal(text: &str) -> String {
    let error = read::<Sample>(text.as_bytes()).unwrap_err().to_string();
    error.split(" at line").next().unwrap_or_default().to_owned()
}

#[test]
fn keys_have_no_case() {
    for key in ["listOfKeys", "ListOfKeys", "LISTOFKEYS", "listofkeys", "li\u{17f}tOf\u{212a}eys"] {
        assert_eq!(sample(&format!("{{\"{key}\":[\"a\"]}}")).list, ["a"], "{key}");
    }
    assert_eq!(sample(r#"{"list_of_keys":["a"],"lïstofkeys":["b"]}"#), Sample::default());
}

#[test]
fn null_is_nothing_said() {
    let nulls = r#"{"name":null,"size":null,"listOfKeys":null,"inners":null,"notes":null,"places":null}"#;
    assert_eq!(sample(nulls), Sample::default());
    assert_eq!(sample("null"), Sample::default());
    assert_eq!(sample(r#"{"inner":null}"#).inner, Some(Box::default()));
    assert_eq!(sample(r#"{"listOfKeys":["a",null]}"#).list, ["a", ""]);
    assert_eq!(sample(r#"{"inners":[null]}"#).inners, [Sample::default()]);
}

#[test]
fn of_several_values_the_last_one_holds() {
    let twice = sample(
        r#"{"name":"a","NAME":"b","listOfKeys":["a","b"],"ListOfKeys":["c"],"size":1,"size":null,
            "inner":{"name":"x"},"Inner":{"size":3}}"#,
    );
    assert_eq!((twice.name.as_str(), twice.list, twice.size), ("b", vec!["c".to_owned()], 1));
    let inner = twice.inner.unwrap();
    assert_eq!((inner.name.as_str(), inner.size), ("x", 3));
}

#[test]
fn keys_of_maps_count_as_they_are_written() {
    let maps = sample(r#"{"notes":{"a":"1","A":"2","b":"3","B":null},"places":{"/B":{},"/a":null}}"#);
    let notes = [("B".to_owned(), String::new()), ("a".to_owned(), "1".to_owned())];
    assert_eq!(maps.notes, notes.into());
    assert_eq!(maps.places, ["/B", "/a"]);
}

#[test]
fn what_is_no_text_is_replaced() {
    let bytes = [&b"{\"na\xffme\":\"x\",\"name\":\"a"[..], b"\xff", b"b\",\"other\":\"\xff\"}"].concat();
    assert_eq!(read::<Sample>(&bytes).unwrap().name, "a\u{fffd}b");
    assert!(sample(r#"{"name":"a\ud800b"}"#).name.contains('\u{fffd}'));
}

#[test]
fn wrong_kinds_and_what_follows_are_refused() {
    let refusals = [
        r#"{"name":1}"#,
        r#"{"listOfKeys":"sh"}"#,
        r#"{"listOfKeys":[1]}"#,
        r#"{"inners":{}}"#,
        r#"{"inners":["a"]}"#,
        r#"{"notes":[]}"#,
        r#"{"notes":{"a":1}}"#,
        r#"{"places":["/a"]}"#,
        r#"{"size":1.5}"#,
        r#"{"size":"1"}"#,
        "[]",
        "{} {}",
        "",
        r#"{"name":"a""#,
    ];
    let told: Vec<String> = refusals.iter().map(|text| format!("{text}: {}", refusal(text))).collect();
    expect_test::expect![[r#"
        {"name":1}: invalid type: integer `1`, expected a string
        {"listOfKeys":"sh"}: invalid type: string "sh", expected a list of texts
        {"listOfKeys":[1]}: invalid type: integer `1`, expected a string
        {"inners":{}}: invalid type: map, expected a list of samples
        {"inners":["a"]}: invalid type: string "a", expected an object
        {"notes":[]}: invalid type: sequence, expected an object of strings
        {"notes":{"a":1}}: invalid type: integer `1`, expected a string
        {"places":["/a"]}: invalid type: sequence, expected an object of places
        {"size":1.5}: invalid type: floating point `1.5`, expected i64
        {"size":"1"}: invalid type: string "1", expected i64
        []: invalid type: sequence, expected an object
        {} {}: trailing characters
        : EOF while parsing a value
        {"name":"a": EOF while parsing an object"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn sizes_are_those_of_files() {
    assert_eq!(sample(r#"{"size":17592186044416}"#).size, 16 << 40);
    for (size, named) in
        [("-1", "-1"), ("17592186044417", "17592186044417"), ("9223372036854775807", "9223372036854775807")]
    {
        assert_eq!(
            refusal(&format!("{{\"size\":{size}}}")),
            format!("{named} is not the size of anything in bytes")
        );
    }
    assert!(read::<Sample>(br#"{"size":99999999999999999999}"#).is_err());
}

#[test]
fn lists_have_an_end() {
    assert_eq!(refusal(r#"{"listOfKeys":["","","",""]}"#), "more than 3 texts");
    assert_eq!(refusal(r#"{"inners":[{},{},{}]}"#), "more than 2 samples");
    assert_eq!(refusal(r#"{"places":{"a":{},"b":{},"c":{}}}"#), "more than 2 places");
}

#[test]
fn what_is_nested_without_end_is_refused() {
    let deep = format!("{}{}", r#"{"inner":"#.repeat(10_000), "null");
    assert!(read::<Sample>(deep.as_bytes()).is_err());
}
