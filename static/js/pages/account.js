// One's own account: the forms need no script, the API keys do.
import { showKeys } from "../components/api_keys.js";

showKeys();
