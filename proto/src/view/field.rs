//! The values that fields of a view can have, read off the wire. Format: <https://protobuf.dev/programming-guides/encoding/>.

use prost::bytes::Buf as _;
use prost::encoding::{WireType, check_wire_type, decode_varint};

use super::Malformed;

/// What can be a field of a view.
pub(super) trait Field<'a> {
    /// Reads a value off `rest`, which begins behind the field's key.
    fn accept(&mut self, wire: WireType, rest: &mut &'a [u8]) -> Result<(), Malformed>;
}

/// A `fixed64`: always eight bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fixed64(pub u64);

/// Bytes behind their length.
pub(super) fn delimited<'a>(wire: WireType, rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    check_wire_type(WireType::LengthDelimited, wire)?;
    let length = usize::try_from(decode_varint(rest)?).unwrap_or(usize::MAX);
    let (bytes, behind) = rest.split_at_checked(length).ok_or(Malformed::Cut)?;
    *rest = behind;
    Ok(bytes)
}

fn varint(wire: WireType, rest: &mut &[u8]) -> Result<u64, Malformed> {
    check_wire_type(WireType::Varint, wire)?;
    Ok(decode_varint(rest)?)
}

fn eight(wire: WireType, rest: &mut &[u8]) -> Result<u64, Malformed> {
    check_wire_type(WireType::SixtyFourBit, wire)?;
    rest.try_get_u64_le().map_err(|_| Malformed::Cut)
}

fn four(wire: WireType, rest: &mut &[u8]) -> Result<u32, Malformed> {
    check_wire_type(WireType::ThirtyTwoBit, wire)?;
    rest.try_get_u32_le().map_err(|_| Malformed::Cut)
}

macro_rules! field {
    ($($kind:ty: |$wire:ident, $rest:ident| $read:expr;)*) => {$(
        impl<'a> Field<'a> for $kind {
            fn accept(&mut self, $wire: WireType, $rest: &mut &'a [u8]) -> Result<(), Malformed> {
                *self = $read;
                Ok(())
            }
        }
    )*};
}

// Numbers are cut to their width, as the format has it.
field! {
    bool: |wire, rest| varint(wire, rest)? != 0;
    u32: |wire, rest| varint(wire, rest)? as u32;
    u64: |wire, rest| varint(wire, rest)?;
    i32: |wire, rest| varint(wire, rest)? as i32;
    i64: |wire, rest| varint(wire, rest)? as i64;
    f32: |wire, rest| f32::from_bits(four(wire, rest)?);
    f64: |wire, rest| f64::from_bits(eight(wire, rest)?);
    Fixed64: |wire, rest| Self(eight(wire, rest)?);
    &'a [u8]: |wire, rest| delimited(wire, rest)?;
    &'a str: |wire, rest| std::str::from_utf8(delimited(wire, rest)?)?;
}

impl<'a, T: Field<'a> + Default> Field<'a> for Option<T> {
    fn accept(&mut self, wire: WireType, rest: &mut &'a [u8]) -> Result<(), Malformed> {
        self.get_or_insert_default().accept(wire, rest)
    }
}
