// What the verbs share: common options, loading a model, the shape of a verb.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "input.h"
#include "options.h"
#include "output.h"
#include "transept/transept.h"

namespace transept::cli {

// The folder that a MODEL on the command line means. Error not_found if it is not there. `default`
// is the embedded model, unless there is a folder of that name.
[[nodiscard]] std::string model_folder(const std::string& model);

struct CommonOptions {
  std::string model = "default";
  int threads = 0;
  std::string dtype;
  std::string keys;
  std::string format = "text";
  std::string color = "auto";
  bool quiet = false;
  bool normalize_punctuation = false;

  void declare(Options& options, const std::vector<std::string>& formats = {"text", "jsonl"});
  // What verbs declare that load no model of the public API: the part that every verb takes, and
  // the forms of the matrices and of keys and values.
  void declare_shared(Options& options,
                      const std::vector<std::string>& formats = {"text", "jsonl"});
  void declare_dtype(Options& options,
                     const std::string& without = "f32, or what the folder was converted to");
  void declare_keys(Options& options);
  [[nodiscard]] bool is_jsonl() const { return format == "jsonl"; }
  [[nodiscard]] LoadOptions load_options() const;
  [[nodiscard]] Model load(const Options& options) const;
  // Error usage where normalising was typed for a tokenizer that does not.
  static void check_effect(const Options& options, const Tokenizer& tokenizer);
  [[nodiscard]] bool use_colour(int descriptor) const;
};

// A verb of the command: declares its options into variables of its own, then runs.
class Verb {
 public:
  Verb() = default;
  Verb(const Verb&) = delete;
  Verb& operator=(const Verb&) = delete;
  virtual ~Verb() = default;
  virtual void declare(Options& options) = 0;
  virtual void run(Options& options) = 0;
};

struct VerbEntry {
  std::string name;
  std::string summary;
  std::string example;  // commands, one a line
  std::unique_ptr<Verb> (*make)();
};

[[nodiscard]] VerbEntry generate_verb();
[[nodiscard]] VerbEntry encode_verb();
[[nodiscard]] VerbEntry score_verb();
[[nodiscard]] VerbEntry explain_verb();
[[nodiscard]] VerbEntry tokenize_verb();
[[nodiscard]] VerbEntry inspect_verb();
[[nodiscard]] VerbEntry vocab_verb();
[[nodiscard]] VerbEntry train_verb();
[[nodiscard]] VerbEntry eval_verb();
[[nodiscard]] VerbEntry serve_verb();
[[nodiscard]] VerbEntry convert_verb();
[[nodiscard]] VerbEntry compare_verb();
[[nodiscard]] VerbEntry bench_verb();
[[nodiscard]] const std::vector<VerbEntry>& verbs();

// Runs f; an Error it throws gets `where` put in front.
template <class F>
auto at_line(const std::string& where, F&& f) {
  try {
    return f();
  } catch (const Error& error) {
    throw Error(error.code(), where + ": " + error.what());
  }
}

[[nodiscard]] std::int64_t peak_bytes();                         // of this process's memory, so far
[[nodiscard]] std::string ids_text(std::span<const Token> ids);  // "5 8 1"

}  // namespace transept::cli
