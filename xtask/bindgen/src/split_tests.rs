use super::*;

fn split(needs: &[(&str, &str)]) -> Split {
    let needs = needs.iter().map(|(module, name)| ((*module).into(), (*name).into())).collect();
    Split { main: Vec::new(), load: "__wasm_split_load_room".into(), needs }
}

#[test]
fn a_module_without_a_part_is_left_alone() {
    let module = Module::default().emit_wasm();
    assert!(super::split(&module, Path::new("nowhere")).unwrap().is_none());
}

#[test]
fn what_loads_the_part_stands_where_it_was_imported() {
    let script = "import * as import1 from \"./__wasm_split.js\"\n\nfunction go() { return import1; }\n";
    let linked = split(&[]).link(script).unwrap();
    assert!(
        !linked.contains("import *")
            && linked.contains("\nconst import1 = {\n    __wasm_split_load_room: async (")
    );
    assert!(linked.ends_with("\nfunction go() { return import1; }\n"), "the rest is as it was");
    assert!(split(&[]).link("import * as import1 from \"./other.js\"\n").is_err());
    assert!(split(&[]).link("import { load } from \"./__wasm_split.js\"\n").is_err());
}

#[test]
fn a_part_that_needs_more_than_there_is_does_not_fit() {
    let mut main = Module::default();
    let memory = main.memories.add_local(false, false, 1, None, None);
    main.exports.add("memory", memory);
    split(&[(SHARED, "memory")]).fits(&main).unwrap();
    for needs in [(SHARED, "__indirect_function_table"), ("env", "memory")] {
        assert!(split(&[needs]).fits(&main).unwrap_err().to_string().contains(needs.1));
    }
}

#[test]
fn a_part_is_written_without_what_is_for_tools() {
    let mut module = Module::default();
    module.customs.add(walrus::RawCustomSection { name: "reloc.CODE".into(), data: vec![1] });
    module.name = Some("room".into());
    let mut part = parsed(&module.emit_wasm()).unwrap();
    assert_eq!(part.emit_wasm(), b"\0asm\x01\0\0\0");
}
