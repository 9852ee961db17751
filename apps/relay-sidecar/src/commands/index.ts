/** The commands by their ids, as oclif wants them. */
import Expose from "./expose.ts";
import ForwardCommand from "./forward.ts";

export default { expose: Expose, forward: ForwardCommand };
