# braid_cargo_source(OUT CRATE EXPECTED): sets OUT to the directory of CRATE's source, which ./Cargo.toml names and
# ./Cargo.lock pins by its checksum. Cargo only fetches; what is in its cache already needs no network. EXPECTED is the
# version of what the crate carries, the part of the crate's own version behind the plus.
function(braid_cargo_source out crate expected)
  find_program(CARGO cargo HINTS $ENV{CARGO_HOME}/bin $ENV{HOME}/.cargo/bin)
  if(NOT CARGO)
    message(FATAL_ERROR "the source in the crate ${crate} is fetched with cargo, which is not there: run tools/setup, "
                        "or install Debian's cargo-web, or rustup (https://rustup.rs)")
  endif()

  set(cargo_from --manifest-path ${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml --locked)
  execute_process(COMMAND ${CARGO} fetch ${cargo_from} --quiet
                  RESULT_VARIABLE status ERROR_VARIABLE complaint OUTPUT_QUIET)
  if(status EQUAL 0)
    execute_process(COMMAND ${CARGO} metadata ${cargo_from} --offline --format-version 1
                    RESULT_VARIABLE status ERROR_VARIABLE complaint OUTPUT_VARIABLE metadata)
  endif()
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "cargo could not fetch the crate ${crate} from its registry:\n${complaint}\n"
                        "It needs ${CARGO} 1.85 or later (Debian: cargo-web) and, the first time, the network.")
  endif()

  string(JSON package_count LENGTH "${metadata}" packages)
  math(EXPR last_package "${package_count} - 1")
  foreach(index RANGE ${last_package})
    string(JSON name GET "${metadata}" packages ${index} name)
    if(name STREQUAL crate)
      string(JSON manifest GET "${metadata}" packages ${index} manifest_path)
      string(JSON version GET "${metadata}" packages ${index} version)
    endif()
  endforeach()
  if(NOT version MATCHES "\\+${expected}$")
    message(FATAL_ERROR "the crate ${crate} is ${version}, and not with ${expected}: see ${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml")
  endif()
  get_filename_component(source "${manifest}" DIRECTORY)
  set(${out} ${source} PARENT_SCOPE)
endfunction()
