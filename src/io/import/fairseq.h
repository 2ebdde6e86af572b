// What the descendants of fairseq share: BART, mBART, Pegasus, M2M100, Marian and FSMT have one
// naming scheme and one set of keys in config.json.
#pragma once

#include <string>

#include "io/import/config_reader.h"
#include "io/import/import.h"

namespace transept {

// Sizes, activation and scales of one side ("encoder", "decoder"); norms and positions are the
// family's business.
[[nodiscard]] StackConfig read_fairseq_stack(const ConfigReader& reader, const std::string& side,
                                             const char* activation);

// Everything of both stacks but token tables, positions and head.
void name_fairseq_stacks(Names& names, const Config& config);

}  // namespace transept
