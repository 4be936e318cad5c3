module wherry.dev/testcluster/pause

go 1.24.0
