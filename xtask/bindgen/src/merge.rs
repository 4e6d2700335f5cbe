//! Merging modules into one. Compressed together they are smaller.

use std::{convert::Infallible, mem};

use anyhow::{Context, Result, anyhow, ensure};
use wasm_encoder::{
    CodeSection, DataSection, ElementSection, FunctionSection, ImportSection, Module, TypeSection,
    reencode::{Error, Reencode, RoundtripReencoder},
};
use wasmparser::{BinaryReader, CodeSectionReader, Import, Parser, Payload, TypeRef};

/// One module with the content of several. They import at most one memory, table and global, and have neither exports nor
/// functions that run at the start: the splitter connects modules by the table of functions.
///
/// # Errors
/// A module is malformed, imports something else, or has a section that modules of parts do not have.
pub fn merge(modules: &[Vec<u8>]) -> Result<Vec<u8>> {
    let mut merged = Merged::default();
    for module in modules {
        merged.add(module)?;
    }
    Ok(merged.finish())
}

#[derive(Default)]
struct Merged {
    /// The kinds and the names of the imports.
    imported: Vec<(mem::Discriminant<TypeRef>, String)>,
    imports: ImportSection,
    types: TypeSection,
    functions: FunctionSection,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
}

impl Merged {
    fn add(&mut self, module: &[u8]) -> Result<()> {
        // The indices of the module's types and functions follow those of the modules before it.
        let mut shift = Shift { types: self.types.len(), functions: self.functions.len() };
        let malformed = |error: Error| anyhow!("the modules cannot be merged: {error:?}");
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    shift.parse_type_section(&mut self.types, section).map_err(malformed)?;
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        self.add_import(import?)?;
                    }
                }
                Payload::FunctionSection(section) => {
                    shift.parse_function_section(&mut self.functions, section).map_err(malformed)?;
                }
                Payload::ElementSection(section) => {
                    shift.parse_element_section(&mut self.elements, section).map_err(malformed)?;
                }
                Payload::CodeSectionStart { range, .. } => {
                    let bytes = module.get(range.start as usize..range.end as usize);
                    let reader = BinaryReader::new(bytes.context("the code is cut off")?, range.start);
                    let section = CodeSectionReader::new(reader)?;
                    shift.parse_code_section(&mut self.code, section).map_err(malformed)?;
                }
                Payload::DataSection(section) => {
                    shift.parse_data_section(&mut self.data, section).map_err(malformed)?;
                }
                Payload::ExportSection(section) if section.count() == 0 => {}
                Payload::Version { .. }
                | Payload::CodeSectionEntry(_)
                | Payload::DataCountSection { .. }
                | Payload::CustomSection(_)
                | Payload::End(_) => {}
                other => return Err(anyhow!("the modules cannot be merged: {other:?}")),
            }
        }
        Ok(())
    }

    /// Adds an import, unless another module has it too. Of each kind there is one, so their indices are all 0.
    fn add_import(&mut self, import: Import<'_>) -> Result<()> {
        let kind = mem::discriminant(&import.ty);
        ensure!(!matches!(import.ty, TypeRef::Func(_)), "a part imports the function {}", import.name);
        match self.imported.iter().find(|(other, _)| *other == kind) {
            Some((_, name)) => ensure!(name == import.name, "{name} and {} are imported", import.name),
            None => {
                self.imported.push((kind, import.name.to_owned()));
                let ty = RoundtripReencoder.entity_type(import.ty);
                let ty = ty.map_err(|error| anyhow!("{} cannot be imported: {error:?}", import.name))?;
                self.imports.import(import.module, import.name, ty);
            }
        }
        Ok(())
    }

    fn finish(self) -> Vec<u8> {
        let mut module = Module::new();
        module.section(&self.types).section(&self.imports);
        module.section(&self.functions).section(&self.elements).section(&self.code).section(&self.data);
        module.finish()
    }
}

/// The numbers to add to the indices of a module.
struct Shift {
    types: u32,
    functions: u32,
}

impl Reencode for Shift {
    type Error = Infallible;

    fn type_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(index + self.types)
    }

    fn function_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(index + self.functions)
    }
}

#[cfg(test)]
mod tests {
    use walrus::{FunctionBuilder, ValType};

    use super::*;

    /// A module with a function that calls another one, which returns a number.
    fn module(value: i32, import: &str) -> Vec<u8> {
        let mut module = walrus::Module::default();
        module.add_import_memory("main", import, false, false, 1, None, None);
        let (table, _) = module.add_import_table("main", "table", false, 1, None, walrus::RefType::FUNCREF);
        let mut inner = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
        inner.func_body().i32_const(value);
        let inner = inner.finish(Vec::new(), &mut module.funcs);
        let mut outer = FunctionBuilder::new(&mut module.types, &[], &[]);
        outer.func_body().call(inner).drop();
        let outer = outer.finish(Vec::new(), &mut module.funcs);
        let at = walrus::ElementKind::Active {
            table,
            offset: walrus::ConstExpr::Value(walrus::ir::Value::I32(value)),
        };
        module.elements.add(at, walrus::ElementItems::Functions(vec![outer]));
        module.emit_wasm()
    }

    #[test]
    fn functions_of_all_modules_call_their_own() {
        let merged = merge(&[module(1, "memory"), module(2, "memory")]).unwrap();
        let merged = walrus::Module::from_buffer(&merged).unwrap();
        assert_eq!(merged.imports.iter().count(), 2);
        assert_eq!((merged.funcs.iter_local().count(), merged.elements.iter().count()), (4, 2));
        for element in merged.elements.iter() {
            let walrus::ElementKind::Active { offset: walrus::ConstExpr::Value(place), .. } = element.kind
            else {
                panic!("{element:?}")
            };
            let walrus::ElementItems::Functions(functions) = &element.items else { panic!("{element:?}") };
            let body = |function: walrus::FunctionId| {
                let function = merged.funcs.get(function).kind.unwrap_local();
                function.block(function.entry_block()).instrs[0].0.clone()
            };
            let walrus::ir::Instr::Call(call) = body(functions[0]) else { panic!("no call") };
            let walrus::ir::Instr::Const(number) = body(call.func) else { panic!("no number") };
            assert_eq!(format!("{:?}", number.value), format!("{place:?}"));
        }
    }

    #[test]
    fn modules_with_different_imports_are_not_merged() {
        let error = merge(&[module(1, "memory"), module(2, "other")]).unwrap_err();
        assert!(error.to_string().contains("memory and other are imported"), "{error}");
    }
}
