//! The order of the locals of a function. Those that are used most come first, so that generic code for different types has the same
//! instructions more often. The page is 0.3 % smaller.

use std::{cmp::Reverse, convert::Infallible, vec};

use anyhow::{Result, anyhow};
use wasm_encoder::{
    CodeSection, Function, Instruction, Module,
    reencode::{Error, Reencode},
};
use wasmparser::{FunctionBody, Operator, Parser, Payload};

/// A module whose functions have their locals sorted by use, without those that are not used.
///
/// # Errors
/// The module is malformed.
pub fn sort_locals(module: &[u8]) -> Result<Vec<u8>> {
    let mut locals = Locals { parameters: parameters(module)?.into_iter() };
    let mut sorted = Module::new();
    let encoded = locals.parse_core_module(&mut sorted, Parser::new(0), module);
    encoded.map_err(|error| anyhow!("the locals cannot be sorted: {error:?}"))?;
    Ok(sorted.finish())
}

/// The number of parameters of each function. They have the first indices.
fn parameters(module: &[u8]) -> Result<Vec<u32>> {
    let (mut types, mut functions) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    types.push(u32::try_from(ty?.params().len())?);
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    functions.push(types.get(ty? as usize).copied().unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    Ok(functions)
}

struct Locals {
    /// The numbers of parameters of the functions that follow.
    parameters: vec::IntoIter<u32>,
}

impl Reencode for Locals {
    type Error = Infallible;

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<(), Error> {
        let parameters = self.parameters.next().unwrap_or_default();
        let mut types = Vec::new();
        for local in body.get_locals_reader()? {
            let (count, ty) = local?;
            types.extend(std::iter::repeat_n(self.val_type(ty)?, count as usize));
        }
        let mut uses = vec![0_u32; types.len()];
        for operator in body.get_operators_reader()? {
            if let Operator::LocalGet { local_index: local }
            | Operator::LocalSet { local_index: local }
            | Operator::LocalTee { local_index: local } = operator?
                && let Some(uses) =
                    local.checked_sub(parameters).and_then(|local| uses.get_mut(local as usize))
            {
                *uses += 1;
            }
        }
        let mut old: Vec<_> = (0..types.len()).filter(|local| uses[*local] > 0).collect();
        old.sort_by_key(|local| Reverse(uses[*local]));
        let mut new = vec![0; types.len()];
        for (place, local) in (parameters..).zip(&old) {
            new[*local] = place;
        }
        let renamed = |local: u32| {
            let place = local.checked_sub(parameters).and_then(|local| new.get(local as usize));
            place.copied().unwrap_or(local)
        };
        let mut function = Function::new_with_locals_types(old.iter().map(|local| types[*local]));
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            function.instruction(&match self.parse_instruction(&mut operators)? {
                Instruction::LocalGet(local) => Instruction::LocalGet(renamed(local)),
                Instruction::LocalSet(local) => Instruction::LocalSet(renamed(local)),
                Instruction::LocalTee(local) => Instruction::LocalTee(renamed(local)),
                other => other,
            });
        }
        code.function(&function);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use walrus::{FunctionBuilder, ModuleConfig, ValType};

    use super::*;

    #[test]
    fn locals_are_sorted_by_use_after_the_parameters() {
        let mut module = walrus::Module::with_config(ModuleConfig::new());
        let parameter = module.locals.add(ValType::I32);
        let [once, twice] = [ValType::I64, ValType::I32].map(|ty| module.locals.add(ty));
        let mut function = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[ValType::I32]);
        function
            .func_body()
            .i64_const(1)
            .local_set(once)
            .local_get(parameter)
            .local_set(twice)
            .local_get(twice);
        let function = function.finish(vec![parameter], &mut module.funcs);
        module.exports.add("function", function);
        let sorted = sort_locals(&module.emit_wasm()).unwrap();
        // The sorted module passes validation.
        walrus::Module::from_buffer(&sorted).unwrap();
        let mut found = Vec::new();
        for payload in Parser::new(0).parse_all(&sorted) {
            if let Payload::CodeSectionEntry(body) = payload.unwrap() {
                let locals = body.get_locals_reader().unwrap().into_iter().map(|local| local.unwrap());
                found.push(format!("{:?}", locals.collect::<Vec<_>>()));
                for operator in body.get_operators_reader().unwrap() {
                    found.push(format!("{:?}", operator.unwrap()));
                }
            }
        }
        let expected = [
            "[(1, I32), (1, I64)]",
            "I64Const { value: 1 }",
            "LocalSet { local_index: 2 }",
            "LocalGet { local_index: 0 }",
            "LocalSet { local_index: 1 }",
            "LocalGet { local_index: 1 }",
            "End",
        ];
        assert_eq!(found, expected);
    }
}
