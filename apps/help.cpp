#include "help.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"

namespace transept::cli {
namespace {

std::string spelling(const Option& option) {
  if (option.takes != Option::Takes::value) return "--" + option.name;
  return fmt::format("--{} {}", option.name, option.value);
}

std::string indented(const std::string& lines) {
  std::string text;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    text += "  " + lines.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return text;
}

// Single quotes for all three shells; the texts hold no quotes of their own.
std::string words(const std::vector<std::string>& items) {
  return fmt::format("{}", fmt::join(items, " "));
}

struct VerbOptions {
  VerbEntry entry;
  std::unique_ptr<Verb> verb;
  Options options;
};

std::vector<VerbOptions> all_options() {
  std::vector<VerbOptions> all;
  for (const VerbEntry& entry : verbs()) {
    VerbOptions one{entry, entry.make(), {}};
    one.verb->declare(one.options);
    all.push_back(std::move(one));
  }
  return all;
}

std::string bash_completion() {
  std::string names;
  std::string cases;
  for (const VerbOptions& verb : all_options()) {
    names += verb.entry.name + " ";
    std::string flags = "--help";
    for (const Option& option : verb.options.all()) {
      flags += " --" + option.name;
      const std::string pattern = fmt::format("      {}:--{})", verb.entry.name, option.name);
      if (!option.choices.empty())
        cases += fmt::format("{} COMPREPLY=($(compgen -W '{}' -- \"$word\")); return ;;\n", pattern,
                             words(option.choices));
      else if (option.names_file())
        cases += fmt::format("{} COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", pattern);
      else if (option.takes == Option::Takes::value)
        cases += fmt::format("{} return ;;\n", pattern);
    }
    cases += fmt::format("      {}:*) flags='{}' ;;\n", verb.entry.name, flags);
  }
  return fmt::format(R"(# transept: completion for bash.  source <(transept --completion bash)
_transept() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} flags=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '{}--help --version --completion' -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
    --completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- "$word")); return ;;
  esac
  case ${{COMP_WORDS[1]}}:$before in
{}  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  else
    COMPREPLY=($(compgen -d -- "$word"))
  fi
}}
complete -o filenames -F _transept transept
)",
                     names, cases);
}

// In zsh's _arguments a colon, a bracket or a backslash inside a description needs a backslash.
std::string zsh_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') escaped += '\\';
    if (c == '\'') escaped += "'\\'";
    escaped += c;
  }
  return escaped;
}

std::string zsh_completion() {
  std::string names;
  std::string cases;
  for (const VerbOptions& verb : all_options()) {
    names += fmt::format("    '{}:{}'\n", verb.entry.name, zsh_text(verb.entry.summary));
    cases += fmt::format("    {})\n      _arguments '--help[show help]'", verb.entry.name);
    for (const Option& option : verb.options.all()) {
      cases += fmt::format(" \\\n        '*--{}[{}]", option.name, zsh_text(option.help));
      if (!option.choices.empty())
        cases += fmt::format(":value:({})'", words(option.choices));
      else if (option.names_file())
        cases += ":file:_files'";
      else if (option.takes == Option::Takes::value)
        cases += fmt::format(":{}:'", option.value);
      else
        cases += "'";
    }
    cases += " \\\n        '1:model folder:_files -/' ;;\n";
  }
  return fmt::format(R"(#compdef transept
# transept: completion for zsh.  transept --completion zsh > ~/.zfunc/_transept, or source it
_transept() {{
  local -a verbs
  verbs=(
{}  )
  if ((CURRENT == 2)); then
    _describe 'verb' verbs
    _arguments '--help[show help]' '--version[show the version]' \
      '--completion[print completion for a shell]:shell:(bash zsh fish)'
    return
  fi
  local verb=$words[2]
  shift words
  ((CURRENT--))
  case $verb in
    --completion) compadd bash zsh fish ;;
{}  esac
}}
if [[ $funcstack[1] == _transept ]]; then
  _transept "$@"
else
  compdef _transept transept
fi
)",
                     names, cases);
}

std::string fish_completion() {
  std::string text =
      "# transept: completion for fish.  transept --completion fish | source\n"
      "complete -c transept -f\n"
      "complete -c transept -n __fish_use_subcommand -l help -d 'show help'\n"
      "complete -c transept -n __fish_use_subcommand -l version -d 'show the version'\n"
      "complete -c transept -n __fish_use_subcommand -l completion -x -a 'bash zsh fish' "
      "-d 'print completion for a shell'\n";
  const auto quoted = [](std::string words) {
    for (size_t at = 0; (at = words.find('\'', at)) != std::string::npos; at += 2)
      words.insert(at, "\\");
    return "'" + words + "'";
  };
  for (const VerbOptions& verb : all_options()) {
    text += fmt::format("complete -c transept -n __fish_use_subcommand -a {} -d {}\n",
                        verb.entry.name, quoted(verb.entry.summary));
    const std::string when =
        fmt::format("complete -c transept -n '__fish_seen_subcommand_from {}'", verb.entry.name);
    text += fmt::format("{} -a '(__fish_complete_directories)'\n", when);
    for (const Option& option : verb.options.all()) {
      text += fmt::format("{} -l {} -d {}", when, option.name, quoted(option.help));
      if (!option.choices.empty())
        text += fmt::format(" -x -a {}", quoted(words(option.choices)));
      else if (option.names_file())
        text += " -r -F";
      else if (option.takes == Option::Takes::value)
        text += " -x";
      text += "\n";
    }
  }
  return text;
}

}  // namespace

std::string general_help() {
  std::string text =
      "transept: encoder-decoder transformers on CPUs\n\n"
      "  transept VERB [MODEL] [options]\n\n"
      "MODEL is a folder in Hugging Face layout. Data goes to stdout, messages to stderr.\n"
      "Without --input or --input-file a verb reads stdin, line by line.\n\nVerbs:\n";
  for (const VerbEntry& verb : verbs())
    text += fmt::format("  {:<10}{}\n", verb.name, verb.summary);
  return text +
         "\nOptions:\n"
         "  --help                       this text; transept VERB --help for a verb's\n"
         "  --version                    the version\n"
         "  --completion bash|zsh|fish   completion for a shell: source <(transept --completion "
         "bash)\n\n"
         "Every option can also be an environment variable: --max-new-tokens is\n"
         "TRANSEPT_MAX_NEW_TOKENS. TRANSEPT_ISA names the instruction set to use.\n\n"
         "Exit codes: 0 done; 1 failed; 2 wrong usage; 65 bad data; 66 a file is missing;\n"
         "74 reading or writing failed; 130 interrupted.\n\nExample:\n"
         "  transept generate --input \"I am tired.\" --prompt \"Translate to German\"\n";
}

std::string verb_help(const VerbEntry& verb, const Options& options) {
  std::string arguments;
  for (const Option& option : options.positionals()) {
    std::string name = option.name;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c); });
    arguments += fmt::format(" [{}]", name);
  }
  std::string text =
      fmt::format("transept {}: {}\n\n  transept {}{} [options]\n\nExample:\n{}\n", verb.name,
                  verb.summary, verb.name, arguments, indented(verb.example));
  text += "Options:\n";
  constexpr size_t kColumn = 30;
  for (const Option& option : options.all()) {
    const std::string name = spelling(option);
    const std::string gap = name.size() + 2 < kColumn ? std::string(kColumn - name.size() - 2, ' ')
                                                      : "\n" + std::string(kColumn, ' ');
    text += fmt::format("  {}{}{}\n", name, gap, option.help);
  }
  text += fmt::format("  {:<28}this text\n", "--help");
  return text;
}

std::string completion(const std::string& shell) {
  if (shell == "bash") return bash_completion();
  if (shell == "zsh") return zsh_completion();
  if (shell == "fish") return fish_completion();
  fail(ErrorCode::usage, "--completion {}: expected bash, zsh or fish", shell);
}

}  // namespace transept::cli
