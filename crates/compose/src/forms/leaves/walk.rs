//! One walk over a bill's data, without an allocation for each value: leaves into one text, all the
//! rest into the shape. A million bills pass here.

use std::fmt::{Display, Write};

use serde::{
    Serialize, Serializer,
    ser::{Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple},
};
use serde_json::Error;

use super::{Leaf, Leaves, OPERATORS, is_rings, is_share, limit};

pub(super) fn walk(view: &impl Serialize, out: &mut Leaves) -> Result<(), Error> {
    view.serialize(Walk {
        out,
        place: ("", ""),
        depth: 0,
    })
}

/// At one value.
struct Walk<'a, 'k> {
    out: &'a mut Leaves,
    /// The parent's key and its own.
    place: (&'k str, &'k str),
    /// Within polygons: 1 at a polygon, 2 at a point, 3 at a number of it.
    depth: u8,
}

impl<'k> Walk<'_, 'k> {
    fn shape(self, text: impl Display) -> Result<(), Error> {
        let _ = write!(self.out.shape, "{text}");
        Ok(())
    }

    fn number(self, number: u64) -> Result<(), Error> {
        if self.depth == 0 {
            return self.shape(number);
        }
        // Nearly always below a hundred, where the formatter would cost more than all the rest.
        match u8::try_from(number) {
            Ok(small @ 0..=9) => self.out.text.push(char::from(b'0' + small)),
            Ok(small @ 10..=99) => {
                self.out.text.push(char::from(b'0' + small / 10));
                self.out.text.push(char::from(b'0' + small % 10));
            }
            _ => {
                let _ = write!(self.out.text, "{number}");
            }
        }
        Ok(())
    }

    fn within<'b>(&'b mut self, place: (&'b str, &'b str)) -> Walk<'b, 'b> {
        Walk {
            out: self.out,
            place,
            depth: self.depth,
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
        if limit(self.place).is_some() {
            let from = self.out.text.len();
            self.out.text.push_str(text);
            let to = self.out.text.len();
            self.out.all.push(Leaf::Text { from, to });
            self.out.shape.push('_');
        } else {
            self.out.shape.push('"');
            self.out.shape.push_str(text);
            self.out.shape.push('"');
        }
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
        let is_leaf = self.depth == 0 && is_rings(self.place);
        let items = Items {
            from: self.out.text.len(),
            depth: match (self.depth, is_leaf) {
                (0, false) => 0,
                (depth, _) => depth + 1,
            },
            out: self.out,
            place: self.place,
            count: 0,
        };
        if items.depth == 0 {
            items.out.shape.push('[');
        }
        Ok(items)
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
        self.number(number.into())
    }
    fn serialize_u16(self, number: u16) -> Result<(), Error> {
        self.number(number.into())
    }
    fn serialize_u32(self, number: u32) -> Result<(), Error> {
        self.number(number.into())
    }
    fn serialize_u64(self, number: u64) -> Result<(), Error> {
        self.number(number)
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

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Error> {
        unknown()
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

/// A list. Within polygons it draws: each polygon's points with the operators between them.
struct Items<'a, 'k> {
    out: &'a mut Leaves,
    place: (&'k str, &'k str),
    depth: u8,
    count: usize,
    from: usize,
}

impl SerializeSeq for Items<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if self.count > 0 && self.depth > 0 {
            let between = if self.depth == 1 { "\nh " } else { " " };
            self.out.text.push_str(between);
        }
        value.serialize(Walk {
            out: self.out,
            place: self.place,
            depth: self.depth,
        })?;
        match (self.depth, self.count) {
            (0, _) => self.out.shape.push(','),
            (2, 0) => self.out.text.push_str(" m"),
            (2, _) => self.out.text.push_str(" l"),
            _ => {}
        }
        self.count += 1;
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        match self.depth {
            0 => self.out.shape.push(']'),
            1 => {
                let (from, to) = (self.from, self.out.text.len());
                self.out.all.push(Leaf::Rings { from, to });
                self.out.shape.push('_');
            }
            _ => {}
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
