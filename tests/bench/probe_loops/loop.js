// SPDX-License-Identifier: Apache-2.0
// A loop of immediates: reads "NAME:COUNT", prints ns of CPU for each.
'use strict';
require('readline').createInterface({input: process.stdin}).on('line', async (line) => {
  const count = Number(line.split(':')[1]);
  const began = process.cpuUsage();
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
  const used = process.cpuUsage(began);
  console.log((used.user + used.system) * 1000 / count);
});
console.log('ready');
