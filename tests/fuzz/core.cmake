cx_fuzz(json cx_core)
cx_fuzz(scan cx_core)
cx_fuzz(url cx_core)
cx_fuzz(httpd cx_core)
