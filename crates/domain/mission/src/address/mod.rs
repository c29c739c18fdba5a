//! The one normal form of a street address: two spellings of a place are the same place, and two places never are.
//!
//! It must not know listings, nor where an address was found.

mod read;
#[cfg(test)]
mod tests;
mod words;

pub use words::{SPELLINGS, words};

/// Shown where a listing has no address. It names no place.
pub const TO_BE_CONFIRMED: &str = "Address to be confirmed";

/// An address, taken apart. Letters are lower case and without marks, words in their short form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address {
    /// House number: `12`, `12a`. None for a lot or a building that goes by its name.
    number: Option<String>,
    /// The street's name, or the building's: `elm`, `st clair`, `5th`.
    street: String,
    /// `st`, `ave`, …: left out in speech more often than not.
    kind: Option<String>,
    /// `n`, `e`, `sw`, …: likewise.
    direction: Option<String>,
    /// `4`, `ph2`, `bsmt`. A place without one is another place.
    unit: Option<String>,
    /// As it is written after the street.
    city: Option<String>,
    /// A word that a text with this address has.
    sought: String,
}

impl Address {
    /// Reads an address as people type it: "12 Elm St #4", "4-12 elm street, Toronto, ON M5V 2T6", "Unit 4, 12 Elm". None
    /// where it names no place: nothing, a street without a number, or [`TO_BE_CONFIRMED`].
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let said = read::read(text)?;
        let mut read = said.clone();
        // What is no address of a human may read in several ways: then the last of them counts, if there is one.
        for _ in 0..4 {
            let form = read.to_string();
            let again = read::read(&form)?;
            if again.to_string() == form {
                let sought = if again.number.is_some() { again.sought.clone() } else { said.sought };
                return Some(Self { sought, ..again });
            }
            read = again;
        }
        None
    }

    /// Whether both are one place: number, street and unit are the same, and nothing that both say contradicts.
    ///
    /// "12 Elm" is 12 Elm Street as well as 12 Elm Avenue, which are not each other: whoever looks among several sees to it
    /// that they are not two.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let agree = |one: &Option<String>, two: &Option<String>| one.is_none() || two.is_none() || one == two;
        self.number == other.number
            && self.street == other.street
            && self.unit == other.unit
            && agree(&self.kind, &other.kind)
            && agree(&self.direction, &other.direction)
            && agree(&self.city, &other.city)
    }

    /// What all spellings of one place have in common, and places next to each other as well: number and street. Whoever
    /// holds it holds everything that [`is_same`](Self::is_same) may find.
    #[must_use]
    pub fn ground(&self) -> String {
        self.number.iter().map(String::as_str).chain([self.street.as_str()]).collect::<Vec<_>>().join(" ")
    }

    /// A lower-case word of ASCII letters and digits that any text with this address has between others: the house number,
    /// or the longest word of a name.
    #[must_use]
    pub fn sought(&self) -> &str {
        &self.sought
    }
}

/// The normal form: `12 elm st w #4, toronto`. Reading it gives the same address.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.ground())?;
        for word in self.kind.iter().chain(&self.direction) {
            write!(f, " {word}")?;
        }
        if let Some(unit) = &self.unit {
            write!(f, " #{unit}")?;
        }
        self.city.as_ref().map_or(Ok(()), |city| write!(f, ", {city}"))
    }
}
