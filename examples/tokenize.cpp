// Text to pieces and back; needs only the tokenizer files of a folder.
//   ./tokenize flan-t5-small "Good morning."
#include <iostream>

#include "transept/transept.h"

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "usage: tokenize FOLDER TEXT\n";
    return 2;
  }
  try {
    const transept::Tokenizer tokenizer = transept::Tokenizer::load(arguments[1]);
    const auto encoding = tokenizer.encode(arguments[2]);
    for (std::size_t i = 0; i < encoding.ids.size(); ++i)
      std::cout << encoding.ids[i] << '\t' << tokenizer.piece(encoding.ids[i]) << '\t'
                << encoding.offsets[i].begin << ':' << encoding.offsets[i].end << '\n';
    std::cout << tokenizer.decode(encoding.ids) << '\n';
  } catch (const transept::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
