//! Seal keys from PKCS#12 files, and a throwaway certificate authority
