// Foreign checkpoints: what a config.json means in our switches, and what the reference framework
// calls our tensors. One file per family; every quirk of a family ends there. Source of truth:
// transformers 5.24, configuration_*.py and modeling_*.py.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/config.h"

namespace transept {

// Where one of our parameters stands in a foreign checkpoint.
struct Source {
  std::string name;                  // as the reference framework saves it
  std::vector<std::string> aliases;  // other names of the same values. Read where `name` is
                                     // missing; where several are there they must be equal
  std::string fallback;              // read where nothing else is there; need not be equal
  bool transposed = false;           // stored as [inputs, outputs]
  int part = 0;                      // ours is this one of `parts` equal pieces of the outputs
  int parts = 1;
  bool optional = false;  // zeros where the file has none
  bool row = false;       // a vector stored as [1, n]
};

// A table of sinusoids that some files carry: computed here, so a stored one must agree.
struct StoredSinusoids {
  std::string name;
  bool decoder = false;
  int zero_row = -1;  // the padding row, all zeros
};

// The two-way table: visit() names <-> foreign names.
struct Names {
  std::map<std::string, Source, std::less<>> sources;
  std::string prefix;       // of the base model; files of the bare model are without it
  bool saved_bare = false;  // written without the prefix
  std::vector<StoredSinusoids> sinusoids;
  std::vector<std::string> ignored;  // tensors that are no part of the computation; '*' = anything

  // linear("encoder.0.self.q", "…q_proj"): weight and bias; norm: gain and shift.
  Source& tensor(const std::string& ours, const std::string& theirs);
  void linear(const std::string& ours, const std::string& theirs);
  void norm(const std::string& ours, const std::string& theirs);
};

struct Imported {
  Config config;
  Names names;
};

// True if the file has an output matrix of its own: `head` is there and differs from the token
// table under the first of its names that is there. Asked only by families where the reference
// decides by the file (T5). Empty: nobody knows, the configuration decides.
using OwnHead = std::function<bool(const std::string& head, const std::vector<std::string>& table)>;

// Error bad_data / unsupported naming the key and its value.
[[nodiscard]] Imported import_model(const Json& config, const OwnHead& own_head = {});

// Does `name` match a pattern of Names::ignored?
[[nodiscard]] bool matches(std::string_view pattern, std::string_view name);

// One per file of this folder.
void import_t5(const Json& json, const OwnHead& own_head, Imported& out);
void import_bart(const Json& json, Imported& out);  // bart, mbart, pegasus, m2m_100
void import_marian(const Json& json, Imported& out);
void import_fsmt(const Json& json, Imported& out);
void import_bert(const Json& json, Imported& out);  // bert, roberta, xlm-roberta
void import_gpt2(const Json& json, Imported& out);
void import_encoder_decoder(const Json& json, Imported& out);

}  // namespace transept
