//! Rust for the messages of a schema: plain structs, and of each where its fields go and what they hold. See
//! `src/proto.rs`, which does the rest.

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, SourceCodeInfo,
    field_descriptor_proto::{Label, Type},
};

/// The module of a package's generated code.
const MODULES: [(&str, &str); 2] = [(".parlour.device.", "crate::device::"), (".parlour.", "crate::wire::")];

/// The numbers by which `SourceCodeInfo.Location.path` finds what has a comment.
const FILE_MESSAGES: i32 = 4;
const FILE_ENUMS: i32 = 5;
const FIELDS: i32 = 2;
const NESTED: i32 = 3;
const VALUES: i32 = 2;

/// The code for all that a file declares, without some fields (`Message.field`).
pub fn file(file: &FileDescriptorProto, left_out: &[&str]) -> Result<String, String> {
    let schema = Schema { comments: file.source_code_info.as_ref(), left_out };
    let mut out = String::new();
    for (n, of) in (0..).zip(&file.message_type) {
        out += &message(of, &[FILE_MESSAGES, n], &schema)?;
    }
    for (n, of) in (0..).zip(&file.enum_type) {
        out += &values(of, &[FILE_ENUMS, n], &schema);
    }
    Ok(out)
}

struct Schema<'a> {
    /// What it says about its parts, which is their documentation.
    comments: Option<&'a SourceCodeInfo>,
    left_out: &'a [&'a str],
}

impl Schema<'_> {
    fn has(&self, message: &DescriptorProto, field: &FieldDescriptorProto) -> bool {
        !self.left_out.contains(&&*format!("{}.{}", message.name(), field.name()))
    }

    fn at(&self, path: &[i32], of: i32, n: i32) -> String {
        self.on(&[path, &[of, n]].concat())
    }

    fn on(&self, path: &[i32]) -> String {
        let location =
            self.comments.and_then(|all| all.location.iter().find(|location| location.path == path));
        let lines = location.map_or("", |location| location.leading_comments()).lines();
        lines.map(|line| format!("///{}\n", line.trim_end())).collect()
    }
}

/// A field in Rust: what it is, where it goes and what writes it. `@` stands for the field itself.
struct Field {
    number: i32,
    comment: String,
    name: String,
    rust: String,
    slot: String,
    write: String,
    /// Of an enum, its type.
    values: Option<String>,
    /// The number of the `oneof` it is in.
    oneof: Option<i32>,
}

impl Field {
    fn is_copy(&self) -> bool {
        matches!(self.rust.as_str(), "bool" | "u32" | "i32" | "u64" | "i64")
    }
}

/// What is nothing but numbers is copied.
fn copy<'a>(mut fields: impl Iterator<Item = &'a Field>) -> &'static str {
    if fields.all(Field::is_copy) { "Copy, " } else { "" }
}

fn message(of: &DescriptorProto, path: &[i32], schema: &Schema<'_>) -> Result<String, String> {
    let name = of.name();
    let inner = snake(name);
    let all: Vec<Field> = (0..)
        .zip(&of.field)
        .filter(|(_, field)| schema.has(of, field))
        .map(|(n, of)| field(of, schema.at(path, FIELDS, n)))
        .collect::<Result<_, _>>()?;
    let (mut declared, mut slots, mut writes, mut about) = Default::default();
    let add = |to: &mut String, what: String| *to += &(what + "\n");
    let mut nested = String::new();
    for (n, of) in (0..).zip(&of.nested_type) {
        nested += &message(of, &[path, &[NESTED, n]].concat(), schema)?;
    }
    for (n, field) in all.iter().enumerate() {
        let Field { number, comment, name, rust, slot, write, .. } = field;
        let this = format!("self.{name}");
        if let Some(index) = field.oneof {
            // All of a `oneof` are written where its first field is: none of another's stands between.
            if all[..n].iter().all(|earlier| earlier.oneof != field.oneof) {
                let one = of.oneof_decl[usize::try_from(index).map_err(|e| e.to_string())?].name();
                let fields: Vec<_> = all.iter().filter(|field| field.oneof == Some(index)).collect();
                let (numbers, kind) = (numbers(&fields), camel(one));
                nested += &oneof(&kind, &fields);
                add(
                    &mut declared,
                    format!("/// One of its fields, or none.\npub {one}: Option<{inner}::{kind}>,"),
                );
                add(
                    &mut slots,
                    format!(
                        "{numbers} => {{
                            if self.{one}.as_ref().is_none_or(|it| it.number() != number) {{
                                self.{one} = {inner}::{kind}::of(number);
                            }}
                            self.{one}.as_mut().map(|it| it.slot())
                        }}"
                    ),
                );
                add(&mut writes, format!("if let Some(it) = &self.{one} {{ it.write(to) }}"));
            }
        } else {
            add(&mut declared, format!("{comment}pub {name}: {rust},"));
            add(&mut slots, format!("{number} => Some({}),", slot.replace('@', &this)));
            add(&mut writes, write.replace('@', &this) + ";");
        }
        if let Some(values) = &field.values {
            add(
                &mut about,
                format!(
                    "/// The value of `{name}`; the default when it is not known.
                    pub fn {name}(&self) -> {values} {{ {values}::try_from({this}).unwrap_or_default() }}"
                ),
            );
        }
    }
    let nested = match nested.is_empty() {
        true => nested,
        false => format!("/// What [`{name}`] holds.\npub mod {inner} {{\n{nested}}}\n"),
    };
    let (comment, copy) = (schema.on(path), copy(all.iter()));
    Ok(format!(
        "{comment}#[derive({copy}Clone, Debug, Default, PartialEq)]
        pub struct {name} {{
            {declared}
        }}
        impl {name} {{
            {about}
        }}
        crate::proto::prost_message!({name});
        impl crate::proto::Fields for {name} {{
            fn slot(&mut self, number: u32) -> Option<crate::proto::Slot<'_>> {{
                match number {{
                    {slots}
                    _ => None,
                }}
            }}
            fn write(&self, to: &mut crate::proto::Writer) {{
                {writes}
            }}
        }}
        {nested}"
    ))
}

/// The fields of which one is there at most.
fn oneof(name: &str, fields: &[&Field]) -> String {
    let each = |line: &dyn Fn(&Field, String) -> String| -> String {
        fields.iter().map(|field| line(field, camel(&field.name)) + "\n").collect()
    };
    let plain = |rust: &str| rust.trim_start_matches("Option<").trim_end_matches('>').to_owned();
    let declared = each(&|f, kind| format!("{}{kind}({}),", f.comment, plain(&f.rust)));
    let numbers = each(&|f, kind| format!("Self::{kind}(_) => {},", f.number));
    let of = each(&|f, kind| format!("{} => Self::{kind}(Default::default()),", f.number));
    let slots = each(&|f, kind| {
        let slot = f.slot.replace("@.get_or_insert_default()", "it").replace("&mut @", "it");
        format!("Self::{kind}(it) => {slot},")
    });
    let writes = each(&|f, kind| {
        let write = match f.slot.contains("Slot::One") {
            true => format!("to.message({}, it)", f.number),
            // That it is this one is said also by a 0.
            false => f.write.replace("to.number", "to.chosen_number").replace('@', "*it"),
        };
        format!("Self::{kind}(it) => {write},")
    });
    let copy = copy(fields.iter().copied());
    format!(
        "/// One of several fields.
        #[derive({copy}Clone, Debug, PartialEq)]
        pub enum {name} {{
            {declared}
        }}
        impl {name} {{
            /// The number of the field.
            pub fn number(&self) -> u32 {{ match self {{ {numbers} }} }}
            /// The default of the field with this number.
            pub fn of(number: u32) -> Option<Self> {{ Some(match number {{ {of} _ => return None }}) }}
            pub(super) fn slot(&mut self) -> crate::proto::Slot<'_> {{ match self {{ {slots} }} }}
            pub(super) fn write(&self, to: &mut crate::proto::Writer) {{ match self {{ {writes} }} }}
        }}\n"
    )
}

/// An enum; a field of it holds the number that came, known or not.
fn values(of: &EnumDescriptorProto, path: &[i32], schema: &Schema<'_>) -> String {
    let name = of.name();
    let values = (0..).zip(&of.value).map(|(n, value)| {
        let default = if value.number() == 0 { "#[default] " } else { "" };
        let comment = schema.at(path, VALUES, n);
        format!("{comment}{default}{} = {},\n", camel(&value.name().to_lowercase()), value.number())
    });
    let known = of
        .value
        .iter()
        .map(|value| format!("{} => Self::{},\n", value.number(), camel(&value.name().to_lowercase())));
    let (comment, values, known) = (schema.on(path), values.collect::<String>(), known.collect::<String>());
    format!(
        "{comment}#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i32)]
        pub enum {name} {{
            {values}
        }}
        impl From<{name}> for i32 {{
            fn from(value: {name}) -> Self {{ value as Self }}
        }}
        impl TryFrom<i32> for {name} {{
            type Error = ();
            fn try_from(value: i32) -> Result<Self, ()> {{ Ok(match value {{ {known} _ => return Err(()) }}) }}
        }}\n"
    )
}

fn field(of: &FieldDescriptorProto, comment: String) -> Result<Field, String> {
    let number = of.number();
    let of_message = || path(of.type_name());
    let (rust, slot, write) = match (of.r#type(), of.label() == Label::Repeated) {
        (Type::Bool, false) => ("bool".into(), "Bool(&mut @)", "number(#, @.into())"),
        (Type::Uint32, false) => ("u32".into(), "U32(&mut @)", "number(#, @.into())"),
        (Type::Enum, false) => ("i32".into(), "I32(&mut @)", "number(#, @ as u64)"),
        (Type::Uint64, false) => ("u64".into(), "U64(&mut @)", "number(#, @)"),
        (Type::Int64, false) => ("i64".into(), "I64(&mut @)", "number(#, @ as u64)"),
        (Type::Uint64, true) => ("Vec<u64>".into(), "Numbers(&mut @)", "numbers(#, &@)"),
        (Type::String, false) => ("String".into(), "Text(&mut @)", "data(#, @.as_bytes())"),
        (Type::String, true) => ("Vec<String>".into(), "Texts(&mut @)", "texts(#, &@)"),
        (Type::Bytes, false) => ("Vec<u8>".into(), "Data(&mut @)", "data(#, &@)"),
        (Type::Bytes, true) => ("Vec<bytes::Bytes>".into(), "Datas(&mut @)", "datas(#, &@)"),
        (Type::Message, false) => {
            (format!("Option<{}>", of_message()?), "One(@.get_or_insert_default())", "maybe(#, @.as_ref())")
        }
        (Type::Message, true) => (format!("Vec<{}>", of_message()?), "Many(&mut @)", "messages(#, &@)"),
        (other, _) => {
            return Err(format!("`{}` is of a kind that `proto` does not read: {other:?}", of.name()));
        }
    };
    Ok(Field {
        number,
        comment,
        name: if of.name() == "type" { "r#type".into() } else { snake(of.name()) },
        rust,
        slot: format!("crate::proto::Slot::{slot}"),
        write: format!("to.{}", write.replace('#', &number.to_string())),
        values: (of.r#type() == Type::Enum).then(|| path(of.type_name())).transpose()?,
        oneof: of.oneof_index,
    })
}

/// The Rust path of a message or an enum.
fn path(full_name: &str) -> Result<String, String> {
    let in_module =
        |(package, module): &(&str, &'static str)| Some((full_name.strip_prefix(package)?, *module));
    let (name, module) = MODULES.iter().find_map(in_module).ok_or(format!("no module for `{full_name}`"))?;
    Ok(match name.rsplit_once('.') {
        Some((outer, name)) => format!("{module}{}::{name}", snake(outer)),
        None => format!("{module}{name}"),
    })
}

fn numbers(fields: &[&Field]) -> String {
    fields.iter().map(|field| field.number.to_string()).collect::<Vec<_>>().join(" | ")
}

/// `userName` and `UserName` are `user_name`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// `user_name` is `UserName`.
fn camel(name: &str) -> String {
    let word = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.split('_').filter(|part| !part.is_empty()).map(word).collect()
}
