/** `opslog completion`: what a shell needs to complete the words of a command line. */
import { operandsOf, optionsOf } from "../arguments/command-line.mjs";
import { UsageError } from "../arguments/usage-error.mjs";

const flags = (command) => Object.keys(optionsOf(command)).map((name) => `--${name}`);
const single = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The options that take one of a few values, each once: an option means the same in all commands. */
function choicesOf(commands) {
  const options = Object.values(commands).flatMap((command) => Object.entries(optionsOf(command)));
  return [...new Map(options.filter(([, { choices }]) => choices !== undefined))].map(
    ([name, { choices }]) => [`--${name}`, choices],
  );
}

function bash(commands) {
  const names = Object.keys(commands);
  const choices = choicesOf(commands).map(([flag, values]) => `    ${flag}) values="${values.join(" ")}" ;;`);
  const cases = names.map((name) => `    ${name}) words="${flags(commands[name]).join(" ")}" ;;`);
  return `# bash: source <(opslog completion bash)
_opslog() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" words="" values=""
  local before="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names.join(" ")} --help --version" -- "$word"))
    return
  fi
  # "--format=csv" comes as three words.
  if [ "$word" = "=" ]; then
    word=""
  elif [ "$before" = "=" ]; then
    before="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  case "$before" in
${choices.join("\n")}
  esac
  if [ -n "$values" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$word"))
    [[ "\${COMPREPLY[0]}" == *= ]] && compopt -o nospace 2>/dev/null
    return 0
  fi
  case "$command" in
${cases.join("\n")}
    help) words="${names.join(" ")}" ;;
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    *)
      case "$command" in
        completion) COMPREPLY=($(compgen -W "bash zsh fish" -- "$word")) ;;
        help) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
        *) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")) ;;
      esac ;;
  esac
}
complete -F _opslog opslog`;
}

function zsh(commands) {
  const described = Object.entries(commands).map(
    ([name, { summary }]) => `    ${single(`${name}:${summary}`)}`,
  );
  const cases = Object.entries(commands).map(([name, command]) => {
    const options = Object.entries(optionsOf(command)).map(
      ([option, { type, value, help, multiple, choices }]) => {
        const text = help.replaceAll(/[[\]]/g, "").replaceAll(":", "\\:");
        return single(
          `${multiple ? "*" : ""}--${option}[${text}]${type === "string" ? `:${value.replaceAll(":", "")}:${choices ? `(${choices.join(" ")})` : ""}` : ""}`,
        );
      },
    );
    const first = operandsOf(command)[0] === "folder" ? "'1:folder:_files -/'" : "'1:shell:(bash zsh fish)'";
    return `    ${name}) _arguments ${[...options, first, "'*:operand:_files'"].join(" ")} ;;`;
  });
  return `#compdef opslog
# zsh: opslog completion zsh > "\${fpath[1]}/_opslog"
_opslog() {
  local -a commands=(
${described.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join("\n")}
    help) _describe command commands ;;
  esac
}
compdef _opslog opslog`;
}

function fish(commands) {
  const lines = [
    "# fish: opslog completion fish > ~/.config/fish/completions/opslog.fish",
    "complete -c opslog -n __fish_use_subcommand -f",
  ];
  for (const [name, command] of Object.entries(commands)) {
    lines.push(`complete -c opslog -n __fish_use_subcommand -a ${name} -d ${fishText(command.summary)}`);
    for (const [option, { type, short, help, choices }] of Object.entries(optionsOf(command))) {
      const parts = [
        `-l ${option}`,
        ...(short ? [`-s ${short}`] : []),
        ...(choices ? ["-x", `-a '${choices.join(" ")}'`] : type === "string" ? ["-r"] : []),
        `-d ${fishText(help)}`,
      ];
      lines.push(`complete -c opslog -n '__fish_seen_subcommand_from ${name}' ${parts.join(" ")}`);
    }
  }
  lines.push("complete -c opslog -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'");
  lines.push("complete -c opslog -n __fish_use_subcommand -a help -d 'show the help of a command'");
  const names = Object.keys(commands).join(" ");
  lines.push(`complete -c opslog -n '__fish_seen_subcommand_from help' -f -a '${names}'`);
  return lines.join("\n");
}

const fishText = (text) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

const scripts = { bash, zsh, fish };

export const completionCommand = {
  summary: "print what a shell needs to complete commands",
  isOfNoFolder: true,
  operands: ["shell"],
  details: [
    "Prints a script for bash, zsh or fish that completes commands, options and files. Its first line says where it goes.",
  ],
  examples: ["completion bash", "completion zsh", "completion fish"],
  async run({ operands: [shell], output }) {
    if (!Object.hasOwn(scripts, shell))
      throw new UsageError(`there is no completion for "${shell}": bash, zsh or fish`);
    // NOTE: at the call, for the list of commands has this one in it.
    const { commands } = await import("./index.mjs");
    output.line(scripts[shell](commands));
  },
};
