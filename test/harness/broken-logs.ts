/** An Env whose logs can be written to only while a test says so. */
import { IoError, createNodeEnv } from '@varve/storage'
import type { Env, File } from '@varve/storage'

/** Logs can be written to only while `isBroken` says no. */
export function envWithBrokenLogs(isBroken: () => boolean): Env {
  const env = createNodeEnv()
  const open = env.files.open.bind(env.files)
  env.files.open = async (path, mode) => {
    const file = await open(path, mode)
    return path.endsWith('.wal') ? breakable(file, isBroken) : file
  }
  return env
}

function breakable(file: File, isBroken: () => boolean): File {
  const writeSync = file.writeSync.bind(file)
  file.writeSync = (from, offset, length, position) => {
    if (isBroken()) {
      throw new IoError('writing', file.path, new Error('broken on purpose'))
    }
    return writeSync(from, offset, length, position)
  }
  return file
}
