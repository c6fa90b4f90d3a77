//! One walk over a bill's data, without an allocation for each value: leaves into one text, all the
//! rest into the shape. A million bills pass here.

use std::fmt::{Display, Write};

use serde::{
    Serialize, Serializer,
    ser::{Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple},
};
use serde_json::Error;

use super::{Leaf, Leaves, OPERATORS, is_pixels, is_share, limit};

pub(super) fn walk(view: &impl Serialize, out: &mut Leaves) -> Result<(), Error> {
    view.serialize(Walk {
        out,
        place: ("", ""),
    })
}

impl Leaves {
    /// A leaf, unless there is nothing of it: an empty text is of the shape.
    fn end_text(&mut self, from: usize) {
        let to = self.text.len();
        if from == to {
            self.shape.push_str("\"\"");
            return;
        }
        self.all.push(Leaf::Text { from, to });
        self.shape.push('_');
    }

    fn end_pixels(&mut self, from: usize) {
        let to = self.pixels.len();
        self.all.push(Leaf::Pixels { from, to });
        self.shape.push('_');
    }
}

/// At one value.
struct Walk<'a, 'k> {
    out: &'a mut Leaves,
    /// The parent's key and its own.
    place: (&'k str, &'k str),
}

impl<'k> Walk<'_, 'k> {
    fn shape(self, text: impl Display) -> Result<(), Error> {
        let _ = write!(self.out.shape, "{text}");
        Ok(())
    }

    fn text_of_shape(self, text: impl Display) -> Result<(), Error> {
        self.out.shape.push('"');
        let _ = write!(self.out.shape, "{text}");
        self.out.shape.push('"');
        Ok(())
    }

    fn within<'b>(&'b mut self, place: (&'b str, &'b str)) -> Walk<'b, 'b> {
        Walk {
            out: self.out,
            place,
        }
    }
}

impl<'a, 'k> Serializer for Walk<'a, 'k> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'a, 'k>;
    type SerializeTuple = Items<'a, 'k>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Entries<'a, 'k>;
    type SerializeStruct = Entries<'a, 'k>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        if limit(self.place).is_none() {
            return self.text_of_shape(text);
        }
        let from = self.out.text.len();
        self.out.text.push_str(text);
        self.out.end_text(from);
        Ok(())
    }

    fn collect_str<T: Display + ?Sized>(self, text: &T) -> Result<(), Error> {
        if limit(self.place).is_none() {
            return self.text_of_shape(text);
        }
        let from = self.out.text.len();
        let _ = write!(self.out.text, "{text}");
        self.out.end_text(from);
        Ok(())
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        if is_share(self.place) {
            self.out.all.push(Leaf::Share(number));
            return self.shape('_');
        }
        self.shape(number)
    }

    fn serialize_bool(self, yes: bool) -> Result<(), Error> {
        self.shape(if yes { '+' } else { '-' })
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.shape('0')
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.shape('0')
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a, 'k>, Error> {
        let pixels_from = is_pixels(self.place).then_some(self.out.pixels.len());
        if pixels_from.is_none() {
            self.out.shape.push('[');
        }
        Ok(Items {
            out: self.out,
            place: self.place,
            pixels_from,
        })
    }

    fn serialize_tuple(self, len: usize) -> Result<Items<'a, 'k>, Error> {
        self.serialize_seq(Some(len))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'a, 'k>, Error> {
        self.out.shape.push('{');
        Ok(Entries {
            walk: self,
            key: String::new(),
        })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Entries<'a, 'k>, Error> {
        self.serialize_map(None)
    }

    fn serialize_i8(self, number: i8) -> Result<(), Error> {
        self.serialize_i64(number.into())
    }
    fn serialize_i16(self, number: i16) -> Result<(), Error> {
        self.serialize_i64(number.into())
    }
    fn serialize_i32(self, number: i32) -> Result<(), Error> {
        self.serialize_i64(number.into())
    }
    fn serialize_i64(self, number: i64) -> Result<(), Error> {
        self.shape(number)
    }
    fn serialize_u8(self, number: u8) -> Result<(), Error> {
        self.shape(number)
    }
    fn serialize_u16(self, number: u16) -> Result<(), Error> {
        self.shape(number)
    }
    fn serialize_u32(self, number: u32) -> Result<(), Error> {
        self.shape(number)
    }
    fn serialize_u64(self, number: u64) -> Result<(), Error> {
        match u8::try_from(number) {
            Ok(luma) if is_pixels(self.place) => {
                self.out.pixels.push(luma);
                Ok(())
            }
            _ => self.shape(number),
        }
    }
    fn serialize_f32(self, number: f32) -> Result<(), Error> {
        self.serialize_f64(number.into())
    }
    fn serialize_char(self, character: char) -> Result<(), Error> {
        self.serialize_str(character.encode_utf8(&mut [0; 4]))
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        if !is_pixels(self.place) {
            return unknown();
        }
        let from = self.out.pixels.len();
        self.out.pixels.extend_from_slice(bytes);
        self.out.end_pixels(from);
        Ok(())
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        unknown()
    }
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        unknown()
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        unknown()
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        unknown()
    }
}

/// A layout's data has none of these.
fn unknown<T>() -> Result<T, Error> {
    Err(Error::custom("a bill's data is objects, lists and values"))
}

/// A list.
struct Items<'a, 'k> {
    out: &'a mut Leaves,
    place: (&'k str, &'k str),
    /// Where its pixels begin, if it is a list of them, as in data that was JSON already.
    pixels_from: Option<usize>,
}

impl SerializeSeq for Items<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(Walk {
            out: self.out,
            place: self.place,
        })?;
        if self.pixels_from.is_none() {
            self.out.shape.push(',');
        }
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        match self.pixels_from {
            Some(from) => self.out.end_pixels(from),
            None => self.out.shape.push(']'),
        }
        Ok(())
    }
}

impl SerializeTuple for Items<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        SerializeSeq::end(self)
    }
}

/// An object.
struct Entries<'a, 'k> {
    walk: Walk<'a, 'k>,
    /// Of the entry whose value comes next, where it is no field of a struct.
    key: String,
}

impl Entries<'_, '_> {
    fn entry<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Error> {
        if !OPERATORS.contains(&key) {
            let parent = self.walk.place.1;
            value.serialize(self.walk.within((parent, key)))?;
        }
        self.walk.out.shape.push(',');
        Ok(())
    }
}

impl SerializeStruct for Entries<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.entry(key, value)
    }

    fn end(self) -> Result<(), Error> {
        self.walk.out.shape.push('}');
        Ok(())
    }
}

impl SerializeMap for Entries<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let key = serde_json::to_value(key)?;
        key.as_str().unwrap_or_default().clone_into(&mut self.key);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = std::mem::take(&mut self.key);
        self.entry(&key, value)
    }

    fn end(self) -> Result<(), Error> {
        SerializeStruct::end(self)
    }
}
