cx_fuzz(cf_parse cx_bridge)
cx_fuzz(target cx_bridge)
