// The command line as a table: each verb lists its options once; parsing, environment variables,
// help and shell completion all read that list.
//
// Option values are free text: whatever follows "--input" is the input, "--beam" or "" too.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace transept::cli {

enum class Origin { none, environment, command_line };

struct Option {
  enum class Takes { nothing, value, maybe_ids };  // maybe_ids: a value only if it looks like ids

  std::string name;   // "max-new-tokens": --max-new-tokens, TRANSEPT_MAX_NEW_TOKENS
  std::string value;  // how help calls the value: "N", "TEXT", "FILE"
  std::string help;
  Takes takes = Takes::value;
  bool repeats = false;  // may be given again: each value counts
  std::vector<std::string> choices;
  std::function<void(const std::string&)> set;  // Error usage if the text does not fit
  Origin origin = Origin::none;

  [[nodiscard]] std::string environment() const;
  [[nodiscard]] bool names_file() const { return value == "FILE" || value == "FOLDER"; }
};

class Options {
 public:
  // Values go straight into the caller's variables, which must outlive the Options.
  void flag(const std::string& name, bool& target, const std::string& help);
  void text(const std::string& name, const std::string& value, std::string& target,
            const std::string& help);
  void text(const std::string& name, const std::string& value, std::optional<std::string>& target,
            const std::string& help);
  void texts(const std::string& name, const std::string& value, std::vector<std::string>& target,
             const std::string& help);
  void choice(const std::string& name, const std::vector<std::string>& choices, std::string& target,
              const std::string& help);
  void number(const std::string& name, int& target, int least, int most, const std::string& help);
  void number(const std::string& name, std::optional<int>& target, int least, int most,
              const std::string& help);
  void number(const std::string& name, std::optional<std::uint64_t>& target,
              const std::string& help);
  void real(const std::string& name, std::optional<double>& target, double least, double most,
            const std::string& help);
  // A flag, "--source-ids", that may also carry the ids themselves: --source-ids "5 8 1".
  void ids(const std::string& name, bool& flag, std::string& target, const std::string& help);
  // An argument without a name.
  void positional(const std::string& name, std::string& target, const std::string& help);
  // Any number of them; the last that are declared.
  void positionals(const std::string& name, std::vector<std::string>& target,
                   const std::string& help);

  // Error usage with the verb's name and what to do. Environment variables fill what the command
  // line leaves open.
  void parse(const std::vector<std::string>& arguments);
  void read_environment();

  [[nodiscard]] Origin origin(std::string_view name) const;
  [[nodiscard]] bool given(std::string_view name) const { return origin(name) != Origin::none; }
  [[nodiscard]] const std::vector<Option>& all() const { return options_; }
  [[nodiscard]] const std::vector<Option>& positionals() const { return positionals_; }

  // At most one of these may be given. One on the command line outweighs those in the environment:
  // they count as not given. Returns the one that counts, or "".
  std::string one_of(const std::vector<std::string>& names);

 private:
  Option& add(const std::string& name, const std::string& value, const std::string& help);
  [[nodiscard]] Option* find(std::string_view name);
  [[nodiscard]] Option& known(std::string_view name);
  std::vector<Option> options_;
  std::vector<Option> positionals_;
};

// Token ids separated by spaces. Error usage or bad_data naming `what` and the word that is none.
[[nodiscard]] std::vector<std::int32_t> parse_ids(std::string_view text, const std::string& what);

}  // namespace transept::cli
