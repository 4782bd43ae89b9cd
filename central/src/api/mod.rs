//! The HTTP face of central: thin handlers over `query` and `store`, and the dashboard's files. Holds no SQL.
