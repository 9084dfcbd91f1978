#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace kronwerk::fuzz {

/// Seeded inputs near those of a corpus: bytes changed, pieces repeated, removed, and taken from
/// other files. Blind, unlike libFuzzer, and the same with every compiler.
class Mutation {
 public:
  Mutation(std::vector<std::string> corpus, std::uint64_t seed)
      : corpus_(std::move(corpus)), random_(seed) {}

  std::string next() {
    std::string input = any();
    const std::size_t steps = 1 + below(6);
    for (std::size_t i = 0; i < steps; ++i) change(input);
    if (input.size() > longest) input.resize(longest);
    return input;
  }

 private:
  static constexpr std::size_t longest = 4096;

  // Not std::uniform_int_distribution, whose numbers the standard leaves open.
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }
  const std::string& any() { return corpus_[below(corpus_.size())]; }

  std::string piece(const std::string& of) {
    const std::size_t begin = below(of.size());
    return of.substr(begin, 1 + below(std::min<std::size_t>(of.size() - begin, 40)));
  }

  void change(std::string& input) {
    static const std::vector<std::string> values{"0",          "-1",
                                                 "1e308",      "nan",
                                                 "inf",        "9223372036854775807",
                                                 "2147483648", "4294967296",
                                                 "\n",         ",",
                                                 " ",          "(",
                                                 ")",          "\"",
                                                 "'",          "-",
                                                 "/",          ".",
                                                 ":",          "\r",
                                                 "\t",         std::string(1, '\0'),
                                                 "\xC3\xA9",   "\xFF"};
    const std::size_t at = below(input.size() + 1);
    const std::size_t left = input.size() - at;
    switch (below(7)) {
      case 0:
        if (left > 0) input[at] = static_cast<char>(random_());
        return;
      case 1:
        if (left > 0) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        return;
      case 2:
        input.erase(at, 1 + below(std::min<std::size_t>(left, 30)));
        return;
      case 3:
        input.insert(at, values[below(values.size())]);
        return;
      case 4:
        input.insert(at, piece(any()));
        return;
      case 5: {
        const std::string repeated = piece(input);
        for (std::size_t i = 0; i < 1 + below(4); ++i) input.insert(at, repeated);
        return;
      }
      default:
        input.replace(at, below(std::min<std::size_t>(left, 20)), values[below(values.size())]);
    }
  }

  std::vector<std::string> corpus_;
  std::mt19937_64 random_;
};

}  // namespace kronwerk::fuzz
