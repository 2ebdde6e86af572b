// How the command reads options of the search. In a file of its own: the command sees the public
// API alone, whose names are also those of the modules.
#include "../../apps/options.h"
#include "../../apps/search.h"

namespace transept::testing {

api::GenerateOptions options_by_command(const std::vector<std::string>& words) {
  cli::SearchOptions search;
  cli::Options options;
  search.declare(options);
  options.parse(words);
  search.finish(options);
  return search.search;
}

}  // namespace transept::testing
