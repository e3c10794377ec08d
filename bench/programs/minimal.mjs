// A session of the floors' addon: takes a folder's lock, reads its manifest, appends a line, and takes the lock away.
// Arguments: the addon's file and a folder.
const [, , addonFile, folder] = process.argv;
const { createRequire } = process.getBuiltinModule("node:module");
const addon = createRequire(addonFile)(addonFile);

JSON.parse(addon.lockFolder(folder));
addon.openLog(`${folder}/log`);
addon.append("task-0000007", JSON.stringify({ title: "Task number 7", priority: 2 }));
addon.unlockFolder(folder);
