cx_fuzz(cf_parse cx_bridge)
