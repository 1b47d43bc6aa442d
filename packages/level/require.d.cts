import level = require('./dist/index.js')

export = level
