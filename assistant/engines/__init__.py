"""The models that write: each a LangChain chat model that counts its tokens exactly."""
