//! A parser and evaluator of arithmetic expressions: precedence climbing over bytes, a small
//! arena of nodes, number types behind trait objects, and results that carry their errors.
#![no_std]

const MAX_NODES: usize = 48;

const SOURCES: [&[u8]; 8] = [
    b"1 + 2 * 3",
    b"(x + 1) * (x - 1)",
    b"x * x * x - 4 * x + 7 / (y + 1)",
    b"-(-x) - -y * 2",
    b"((((((((x))))))))",
    b"x / (y - y)",
    b"2 * (3 + ",
    b"12345678901 + x",
];

#[panic_handler]
fn trap(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

#[derive(Clone, Copy)]
enum Node {
    Number(i64),
    Variable(u8),
    Negate(u8),
    Binary(u8, u8, u8),
}

enum Error {
    Unexpected(usize),
    TooLong,
    DivisionByZero,
    Overflow,
    NoSuchSource,
}

impl Error {
    fn code(&self) -> i64 {
        match self {
            Error::Unexpected(at) => -1000 - *at as i64,
            Error::TooLong => -2000,
            Error::DivisionByZero => -3000,
            Error::Overflow => -4000,
            Error::NoSuchSource => -5000,
        }
    }
}

struct Parser<'a> {
    source: &'a [u8],
    at: usize,
    nodes: [Node; MAX_NODES],
    used: usize,
}

impl<'a> Parser<'a> {
    fn new(source: &'a [u8]) -> Self {
        Parser { source, at: 0, nodes: [Node::Number(0); MAX_NODES], used: 0 }
    }

    fn add(&mut self, node: Node) -> Result<u8, Error> {
        let place = self.nodes.get_mut(self.used).ok_or(Error::TooLong)?;
        *place = node;
        self.used += 1;
        Ok((self.used - 1) as u8)
    }

    fn peek(&mut self) -> Option<u8> {
        while self.source.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        self.source.get(self.at).copied()
    }

    fn primary(&mut self) -> Result<u8, Error> {
        match self.peek() {
            Some(b'(') => {
                self.at += 1;
                let inner = self.expression(0)?;
                match self.peek() {
                    Some(b')') => self.at += 1,
                    _ => return Err(Error::Unexpected(self.at)),
                }
                Ok(inner)
            }
            Some(b'-') => {
                self.at += 1;
                let operand = self.expression(3)?;
                self.add(Node::Negate(operand))
            }
            Some(letter @ b'x'..=b'y') => {
                self.at += 1;
                self.add(Node::Variable(letter - b'x'))
            }
            Some(b'0'..=b'9') => {
                let mut value: i64 = 0;
                while let Some(digit @ b'0'..=b'9') = self.source.get(self.at) {
                    value = value * 10 + i64::from(digit - b'0');
                    self.at += 1;
                }
                self.add(Node::Number(value))
            }
            _ => Err(Error::Unexpected(self.at)),
        }
    }

    fn expression(&mut self, lowest: u8) -> Result<u8, Error> {
        let mut left = self.primary()?;
        while let Some(operator) = self.peek() {
            let precedence = match operator {
                b'+' | b'-' => 1,
                b'*' | b'/' => 2,
                b')' => break,
                _ => return Err(Error::Unexpected(self.at)),
            };
            if precedence <= lowest {
                break;
            }
            self.at += 1;
            let right = self.expression(precedence)?;
            left = self.add(Node::Binary(operator, left, right))?;
        }
        Ok(left)
    }
}

trait Arithmetic {
    fn number(&mut self, value: i64) -> Result<f64, Error>;
    fn combine(&mut self, operator: u8, left: f64, right: f64) -> Result<f64, Error>;
}

struct Floats;

impl Arithmetic for Floats {
    fn number(&mut self, value: i64) -> Result<f64, Error> {
        Ok(value as f64)
    }

    fn combine(&mut self, operator: u8, left: f64, right: f64) -> Result<f64, Error> {
        Ok(match operator {
            b'+' => left + right,
            b'-' => left - right,
            b'*' => left * right,
            _ => left / right,
        })
    }
}

/// 32-bit integers, checked; it counts its operations.
struct Integers {
    operations: u32,
}

impl Arithmetic for Integers {
    fn number(&mut self, value: i64) -> Result<f64, Error> {
        i32::try_from(value).map(f64::from).map_err(|_| Error::Overflow)
    }

    fn combine(&mut self, operator: u8, left: f64, right: f64) -> Result<f64, Error> {
        self.operations += 1;
        let (left, right) = (left as i32, right as i32);
        let result = match operator {
            b'+' => left.checked_add(right),
            b'-' => left.checked_sub(right),
            b'*' => left.checked_mul(right),
            _ if right == 0 => return Err(Error::DivisionByZero),
            _ => left.checked_div(right),
        };
        result.map(f64::from).ok_or(Error::Overflow)
    }
}

fn value_of(
    nodes: &[Node],
    at: u8,
    variables: &[f64; 2],
    arithmetic: &mut dyn Arithmetic,
) -> Result<f64, Error> {
    match nodes[at as usize] {
        Node::Number(value) => arithmetic.number(value),
        Node::Variable(index) => Ok(variables[index as usize]),
        Node::Negate(operand) => {
            let operand = value_of(nodes, operand, variables, arithmetic)?;
            arithmetic.combine(b'-', 0.0, operand)
        }
        Node::Binary(operator, left, right) => {
            let left = value_of(nodes, left, variables, arithmetic)?;
            let right = value_of(nodes, right, variables, arithmetic)?;
            arithmetic.combine(operator, left, right)
        }
    }
}

fn evaluate(which: u32, x: f64, y: f64, arithmetic: &mut dyn Arithmetic) -> Result<f64, Error> {
    let source = SOURCES.get(which as usize).ok_or(Error::NoSuchSource)?;
    let mut parser = Parser::new(source);
    let top = parser.expression(0)?;
    if parser.peek().is_some() {
        return Err(Error::Unexpected(parser.at));
    }
    value_of(&parser.nodes[..parser.used], top, &[x, y], arithmetic)
}

#[no_mangle]
pub extern "C" fn float_value(which: u32, x: f64, y: f64) -> f64 {
    evaluate(which, x, y, &mut Floats).unwrap_or(f64::NEG_INFINITY)
}

/// The value, or a negative code below -999 that says what is wrong and where.
#[no_mangle]
pub extern "C" fn integer_value(which: u32, x: i32, y: i32) -> i64 {
    let mut integers = Integers { operations: 0 };
    match evaluate(which, f64::from(x), f64::from(y), &mut integers) {
        Ok(value) => value as i64 * 100 + i64::from(integers.operations),
        Err(error) => error.code(),
    }
}

/// The sum of the values in a range of whole x, at a fixed y.
#[no_mangle]
pub extern "C" fn range_sum(which: u32, from: i32, to: i32, y: f64) -> f64 {
    let mut floats = Floats;
    (from..to).filter_map(|x| evaluate(which, f64::from(x), y, &mut floats).ok()).sum()
}

/// Evaluates through whichever arithmetic is asked for; a wrong name is a panic, and so a trap.
#[no_mangle]
pub extern "C" fn strict_value(checked: i32, which: u32, x: f64) -> f64 {
    let mut floats = Floats;
    let mut integers = Integers { operations: 0 };
    let arithmetic: &mut dyn Arithmetic = if checked != 0 { &mut integers } else { &mut floats };
    match evaluate(which, x, 1.0, arithmetic) {
        Ok(value) => value,
        Err(error) => panic!("error {}", error.code()),
    }
}
