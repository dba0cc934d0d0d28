"""Text of others is data: what it hides, forges, links to or tells the model to do comes to nothing.

characters    what people see of a text
markers       roles and labels that a text could forge
markup        what of a document's Markdown a model reads
instructions  sentences that speak to the model instead of the reader
answers       what a person is shown
"""
