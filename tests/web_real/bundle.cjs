// Bundles a program and its packages for a browser, and prints {"script": ...}.
//     node bundle.cjs PROGRAM

const { buildSync } = require('esbuild');

const built = buildSync({
  entryPoints: [process.argv[2]],
  bundle: true,
  write: false,
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  nodePaths: [process.env.NODE_PATH],
});
console.log(JSON.stringify({ script: built.outputFiles[0].text }));
