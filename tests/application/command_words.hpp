#pragma once

// Command lines as the program gets them, with an environment of the test's own.

#include <map>
#include <string>
#include <vector>

namespace kronwerk::application {

using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

/// read(argc, argv, environment) for "kronwerk words…", of which environment(name) gives
/// `variables`.
template <typename Read>
auto with_command_line(Words words, const Variables& variables, const Read& read) {
  words.insert(words.begin(), "kronwerk");
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  return read(static_cast<int>(pointers.size()), pointers.data(),
              [&](const char* name) -> const char* {
                const auto found = variables.find(name);
                return found == variables.end() ? nullptr : found->second.c_str();
              });
}

}  // namespace kronwerk::application
