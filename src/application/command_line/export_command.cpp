#include "application/command_line/export_command.hpp"

#include <limits>
#include <memory>

#include "application/command_line/import_command.hpp"

namespace kronwerk::application {

void add_export_command(CLI::App& program, CommandLine& line) {
  CLI::App& command = *program.add_subcommand("export", "turn HDF5 data into text files");
  command.require_subcommand(1);
  CLI::App& edges =
      *command.add_subcommand("edges", "a matrix to a CSV origin,destination,value of its entries");
  const auto options = std::make_shared<io::ExportEdgesOptions>();
  const auto matrix = std::make_shared<std::string>();
  edges.add_option("input", *matrix, "FILE.h5:/path of the matrix, such as out.h5:/factor/1")
      ->required();
  edges.add_option("--to", options->file, "the CSV to write")->required();
  edges.add_flag("--overwrite", options->overwrite, "replace it if it is there");
  edges.add_option("--labels", options->labels.file,
                   "file of labels, or FILE.h5:/path of them; default: the ids beside the matrix");
  edges.add_option("--label-column", options->labels.column, "its column, if it is a CSV");
  edges.add_option("--top", options->top, "only so many of largest absolute value")
      ->check(CLI::Range(core::Index{1}, std::numeric_limits<core::Index>::max()));
  edges.final_callback([&line, options, matrix] {
    line.command = Command::exporting;
    options->matrix = parse_target("input", *matrix);
    line.exporting = [options] { return io::export_edges(*options); };
  });
}

}  // namespace kronwerk::application
