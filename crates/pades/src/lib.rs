//! PDF to sealed PDF (PAdES), and the verification of both
