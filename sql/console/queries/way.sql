if(path = path_behind, toString(path), concat(toString(path), '>', toString(path_behind)))
