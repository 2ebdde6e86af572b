// transept: the command. Finds the verb, runs it, turns an Error into one line and an exit code.
#include <fmt/format.h>

#include <new>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "common.h"
#include "help.h"

namespace transept::cli {

const std::vector<VerbEntry>& verbs() {
  static const std::vector<VerbEntry> kAll = {
      generate_verb(), encode_verb(),  score_verb(), explain_verb(), tokenize_verb(),
      inspect_verb(),  convert_verb(), vocab_verb(), train_verb(),   eval_verb(),
      compare_verb(),  serve_verb(),   bench_verb()};
  return kAll;
}

namespace {

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
      return 2;
    case ErrorCode::bad_data:
    case ErrorCode::mismatch:
      return 65;
    case ErrorCode::not_found:
      return 66;
    case ErrorCode::io:
      return 74;
    case ErrorCode::cancelled:
      return 130;
    case ErrorCode::unsupported:
    case ErrorCode::limit:
    case ErrorCode::internal:
      break;
  }
  return 1;
}

const VerbEntry& verb_named(const std::string& name) {
  std::string names;
  for (const VerbEntry& verb : verbs()) {
    if (verb.name == name) return verb;
    names += (names.empty() ? "" : ", ") + verb.name;
  }
  fail(ErrorCode::usage, "unknown verb '{}'; the verbs are {}: see transept --help", name, names);
}

void print(const std::string& text) {
  standard_output().write(text);
  standard_output().flush();
}

void run_verb(const std::string& name, const std::vector<std::string>& arguments) {
  const VerbEntry& entry = verb_named(name);
  const std::unique_ptr<Verb> verb = entry.make();
  Options options;
  verb->declare(options);
  for (const std::string& word : arguments) {
    if (word == "--") break;
    if (word == "--help" || word == "-h") return print(verb_help(entry, options));
    if (word == "--version") return print("transept " + version() + "\n");
  }
  try {
    options.parse(arguments);
    options.read_environment();
  } catch (const Error& error) {
    fail(error.code(), "{}; see transept {} --help", error.what(), name);
  }
  verb->run(options);
}

void run(const std::vector<std::string>& words) {
  if (words.empty()) {
    message(general_help());
    throw Error(ErrorCode::usage, "no verb given");
  }
  const std::string& first = words[0];
  if (first == "--help" || first == "-h" || first == "help") return print(general_help());
  if (first == "--version") return print("transept " + version() + "\n");
  constexpr std::string_view kCompletion = "--completion";
  if (first.starts_with(kCompletion)) {
    const bool joined = first.size() > kCompletion.size() && first[kCompletion.size()] == '=';
    if (joined) return print(completion(first.substr(kCompletion.size() + 1)));
    if (first == kCompletion) return print(completion(words.size() > 1 ? words[1] : ""));
  }
  run_verb(first, {words.begin() + 1, words.end()});
}

// One line whatever the message quotes: newlines of file names or texts become spaces.
int failed(const std::string& text, int code) {
  message("transept: " + one_line(text));
  return code;
}

int main_with(const std::vector<std::string>& words) {
  keep_heap();
  handle_signals();
  try {
    run(words);
    standard_output().flush();
    return 0;
  } catch (const ClosedPipe&) {
    return 0;
  } catch (const Error& error) {
    return failed(error.what(), exit_code(error.code()));
  } catch (const std::bad_alloc&) {
    return failed("out of memory; use a smaller batch or model", 1);
  } catch (const std::exception& error) {
    return failed(fmt::format("internal error: {}; please report it", error.what()), 1);
  }
}

}  // namespace
}  // namespace transept::cli

int main(int count, char** arguments) {
  return transept::cli::main_with({arguments + 1, arguments + count});
}
