// What `require('@varve/level')` gives: the module itself, of which there is one, however it was loaded.
'use strict'

module.exports = require('./dist/bundle/index.js')
