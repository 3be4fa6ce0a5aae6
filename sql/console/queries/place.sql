if({apart:UInt8}, concat(cluster, '/'), '')
