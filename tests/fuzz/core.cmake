cx_fuzz(json cx_core)
cx_fuzz(url cx_core)
