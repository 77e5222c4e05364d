//! Fields by id.

/// A field: an id in the plugin's name table. Declared ones come from [`fields!`](crate::fields), those met in the data from [`Event::name`](crate::Event::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field(u32);

impl Field {
    /// The field whose name is the `id`-th of the manifest's `writes`.
    #[must_use]
    pub const fn nth(id: u32) -> Self {
        Self(id)
    }

    /// The id in the name table.
    #[must_use]
    pub const fn id(self) -> u32 {
        self.0
    }
}

/// Declares the fields that a plugin writes: a [`Field`] for each (with a visibility before it, where it is to be seen elsewhere), and
/// `FIELDS`, their names in order.
///
/// ```
/// collector_plugin::fields! {
///     METHOD = "http.request.method",
///     STATUS = "http.response.status_code",
/// }
/// assert_eq!(FIELDS[STATUS.id() as usize], "http.response.status_code");
/// ```
#[macro_export]
macro_rules! fields {
    ($($vis:vis $field:ident = $name:literal),* $(,)?) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum FieldIds { $($field),* }
        $(
            #[doc = concat!("`", $name, "`")]
            $vis const $field: $crate::Field = $crate::Field::nth(FieldIds::$field as u32);
        )*
        /// The names of the declared fields, by id.
        const FIELDS: &[&str] = &[$($name),*];
    };
}
